"""What is crowded on a narrow page, measured in the browser: cells without room, texts on each other."""

# Of tables of texts: cells that lie outside of the window, or stand in a column of a few letters. A table of
# numbers scrolls sideways, a matrix too. Of one row: texts that cover each other; lines are taller than
# letters.
CROWDED = """() => {
  const shown = (one) => one.checkVisibility({visibilityProperty: true, opacityProperty: true}) &&
    !one.closest(".visually-hidden, thead, script");
  const words = (one) => one.textContent.replace(/\\s+/g, " ").trim().slice(0, 40);
  const isNumber = (one) => /^[-–+.,%\\d\\s]+$/.test(words(one));
  const told = [];

  for (const table of document.querySelectorAll("main table:not(.mz-matrix)")) {
    const cells = [...table.querySelectorAll("tbody td, tbody th")].filter((one) => shown(one) && words(one));
    if (cells.filter(isNumber).length * 2 > cells.length) continue;
    for (const cell of cells) {
      const box = cell.getBoundingClientRect(), style = getComputedStyle(cell);
      const [left, right, top, bottom, line, em] =
        ["paddingLeft", "paddingRight", "paddingTop", "paddingBottom", "lineHeight", "fontSize"]
          .map((name) => parseFloat(style[name]));
      const lines = (box.height - top - bottom) / line;
      if (box.left < 0 || box.right > innerWidth + 1) told.push(`outside: ${words(cell)}`);
      else if (box.width - left - right < 8 * em && lines > 2.5) told.push(`squeezed: ${words(cell)}`);
    }
  }

  const textsOf = (row) => {
    const texts = [], walker = document.createTreeWalker(row, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const text = walker.currentNode, holder = text.parentElement;
      if (!text.data.trim() || !shown(holder)) continue;
      const state = holder.closest(".mz-state");  // its dot belongs to it
      const range = document.createRange();
      range.selectNodeContents(text);
      const cut = getComputedStyle(holder).overflowX === "hidden";
      const ends = cut ? holder.getBoundingClientRect().right : Infinity;
      for (const box of state ? [state.getBoundingClientRect()] : range.getClientRects()) {
        texts.push({of: state ?? holder, box, right: Math.min(box.right, ends), said: text.data.trim()});
      }
    }
    return texts;
  };
  for (const row of document.querySelectorAll("main .mz-row, main .mz-list > li, main tbody tr")) {
    const texts = textsOf(row);
    texts.forEach((a, place) => texts.slice(place + 1).forEach((b) => {
      const across = Math.min(a.right, b.right) - Math.max(a.box.left, b.box.left);
      const down = Math.min(a.box.bottom, b.box.bottom) - Math.max(a.box.top, b.box.top);
      const both = a.of !== b.of && across > 1 && down > 6;
      if (both) told.push(`on each other: ${a.said} / ${b.said}`.slice(0, 90));
    }));
  }
  return [...new Set(told)].slice(0, 8);
}"""
