// "/" goes to the search box, arrows go through the results and back, Escape leads back to the box.

const RESULTS = ".hits .quote a";

function typing(here: Element | null): boolean {
  return here instanceof HTMLElement && (/^(INPUT|TEXTAREA|SELECT)$/.test(here.tagName) || here.isContentEditable);
}

/** Move the focus by `step` results from the one that has it; before the first one is the search box. */
function move(box: HTMLInputElement | null, here: Element | null, step: number): boolean {
  const links = [...document.querySelectorAll<HTMLAnchorElement>(RESULTS)];
  const at = links.indexOf(here as HTMLAnchorElement);
  if (!links.length || (at < 0 && here !== box)) return false;
  const next = at + step;
  if (next < 0) box?.focus();
  else links[Math.min(next, links.length - 1)]?.focus();
  return true;
}

export function keys(): void {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const box = document.querySelector<HTMLInputElement>('main input[type="search"], input[type="search"]');
    const here = document.activeElement;
    if (event.key === "/" && box && !typing(here)) {
      box.focus();
      box.select();
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (!move(box, here, event.key === "ArrowDown" ? 1 : -1)) return;
    } else if (event.key === "Escape" && here === box) {
      box?.blur();
      return;
    } else if (event.key === "Escape" && here?.matches(RESULTS)) {
      box?.focus();
    } else {
      return;
    }
    event.preventDefault();
  });
}
