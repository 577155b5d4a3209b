// [data-chart="URL"] or [data-chart] with a <script type="application/json"> in it: an option of ECharts.
import { BarChart, HeatmapChart, LineChart, ScatterChart } from "echarts/charts";
import {
  AriaComponent, DatasetComponent, GridComponent, LegendComponent, MarkAreaComponent, MarkLineComponent,
  TooltipComponent, VisualMapComponent,
} from "echarts/components";
import * as echarts from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";

echarts.use([
  AriaComponent, BarChart, DatasetComponent, GridComponent, HeatmapChart, LegendComponent, LineChart,
  MarkAreaComponent, MarkLineComponent, ScatterChart, CanvasRenderer, TooltipComponent, VisualMapComponent,
]);

async function optionOf(element: HTMLElement): Promise<echarts.EChartsCoreOption> {
  const address = element.dataset.chart;
  if (address) return (await (await fetch(address)).json()) as echarts.EChartsCoreOption;
  return JSON.parse(element.querySelector("script")?.textContent ?? "{}") as echarts.EChartsCoreOption;
}

export async function drawChart(element: HTMLElement): Promise<void> {
  if (element.dataset.drawn) return;
  element.dataset.drawn = "yes";
  const option = await optionOf(element);
  const draw = (): void => {
    echarts.getInstanceByDom(element)?.dispose();
    const theme = document.documentElement.dataset.bsTheme === "dark" ? "dark" : undefined;
    const chart = echarts.init(element, theme, { renderer: "canvas" });
    // Tooltips drawn as text: their HTML would bring style attributes, which the content policy refuses.
    chart.setOption({ backgroundColor: "transparent", aria: { enabled: true }, tooltip: { renderMode: "richText" }, ...option });
  };
  draw();
  document.addEventListener("meizhen:theme", draw);
  new ResizeObserver(() => echarts.getInstanceByDom(element)?.resize()).observe(element);
}
