// Results while one types: the page of the search is fetched and its results put in place of those shown.
// A newer request ends an older one; what is shown is in the address, so that it can be shared and gone back to.

const WAIT = 160; // milliseconds after the last key

export function live(form: HTMLFormElement): void {
  const box = form.querySelector<HTMLInputElement>('input[type="search"]');
  const results = document.getElementById("results");
  const hidden = document.getElementById("hidden");
  if (!box || !results || !hidden) return;
  let timer = 0;
  let running: AbortController | null = null;
  let composing = false;

  function asked(): string {
    const given = new URLSearchParams();
    for (const [name, value] of new FormData(form)) {
      if (typeof value === "string" && value.trim()) given.append(name, value);
    }
    return `${form.action}?${given}`;
  }

  /** Show the page at `url`; `remember` puts it into the history as a step of its own, or in place of the last one. */
  async function show(url: string, remember: "push" | "replace" | "no", fill: boolean): Promise<void> {
    window.clearTimeout(timer);
    running?.abort();
    const own = (running = new AbortController());
    results!.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(url, { signal: own.signal, headers: { accept: "text/html" } });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.getElementById("results");
      if (!fresh) {
        location.assign(url);
        return;
      }
      results!.replaceChildren(...fresh.childNodes);
      fold();
      hidden!.replaceChildren(...(page.getElementById("hidden")?.childNodes ?? []));
      document.title = page.title;
      if (fill) restore(page);
      if (remember === "push") history.pushState(null, "", url);
      else if (remember === "replace") history.replaceState(null, "", url);
    } catch (error) {
      if (own.signal.aborted) return;
      if (remember !== "no") location.assign(url); // let the browser tell what is wrong
    } finally {
      if (running === own) {
        running = null;
        results!.removeAttribute("aria-busy");
      }
    }
  }

  /** Put the query and the switches of a page fetched into the form shown. */
  function restore(page: Document): void {
    for (const theirs of page.querySelectorAll<HTMLInputElement>("form[data-live] input")) {
      if (theirs.type === "radio" && theirs.hasAttribute("checked")) {
        const ours = form.querySelector<HTMLInputElement>(`input[name="${theirs.name}"][value="${theirs.value}"]`);
        if (ours) ours.checked = true;
      } else if (theirs.type === "search" && box!.value !== theirs.value) {
        box!.value = theirs.value;
      }
    }
  }

  function soon(): void {
    window.clearTimeout(timer);
    if (composing) return;
    timer = window.setTimeout(() => void show(asked(), "replace", false), WAIT);
  }

  /** On a narrow window the facets stand above the results: they stay closed until asked for. */
  function fold(): void {
    if (window.matchMedia("(max-width: 56rem)").matches) results!.querySelector(".facets details")?.removeAttribute("open");
  }

  box.addEventListener("compositionstart", () => (composing = true));
  box.addEventListener("compositionend", () => {
    composing = false;
    soon();
  });
  box.addEventListener("input", soon);
  form.addEventListener("change", (event) => {
    if (event.target !== box && box.value.trim()) void show(asked(), "push", false);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void show(asked(), "push", false);
  });
  results.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    const link = (event.target as Element).closest<HTMLAnchorElement>("a.chip, .facets a, a.more");
    if (!link) return;
    event.preventDefault();
    void show(link.href, "push", true).then(() => results.scrollIntoView({ block: "nearest" }));
  });
  window.addEventListener("popstate", () => void show(location.href, "no", true));
  fold();
}
