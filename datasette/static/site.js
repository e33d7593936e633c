// "/" goes to the search box; Escape leaves it. Every page works without this.
"use strict";
document.addEventListener("keydown", (event) => {
  const box = document.querySelector('input[type="search"]');
  const here = document.activeElement;
  const typing = here && (/^(INPUT|TEXTAREA|SELECT)$/.test(here.tagName) || here.isContentEditable);
  if (event.key === "/" && box && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    box.focus();
    box.select();
  } else if (event.key === "Escape" && here === box) {
    box.blur();
  }
});
