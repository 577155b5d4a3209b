// [data-passages]: what is marked in the text goes into the form of remarks, with where it stands (in characters).
function within(text: HTMLElement): { quote: string; start: number } | null {
  const selection = window.getSelection();
  if (!selection || selection.isCollapsed || selection.rangeCount === 0) return null;
  const range = selection.getRangeAt(0);
  if (!text.contains(range.commonAncestorContainer)) return null;
  const before = document.createRange();
  before.selectNodeContents(text);
  before.setEnd(range.startContainer, range.startOffset);
  return { quote: range.toString(), start: [...before.toString()].length };
}

export function onPassages(): void {
  const text = document.querySelector<HTMLElement>("[data-passages]");
  const box = document.getElementById("comment");
  if (!text || !(box instanceof HTMLDetailsElement)) return;
  document.addEventListener("selectionchange", () => {
    const marked = within(text);
    if (!marked?.quote.trim()) return;
    box.open = true;
    const quote = box.querySelector<HTMLTextAreaElement>('[name="quote"]');
    const start = box.querySelector<HTMLInputElement>('[name="start"]');
    if (quote) quote.value = marked.quote;
    if (start) start.value = String(marked.start);
  });
}
