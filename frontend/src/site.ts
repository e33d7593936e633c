// The keyboard of every page, and results while one types. Every page works without this.
import { keys } from "./keys";
import { live } from "./live";

keys();
const form = document.querySelector<HTMLFormElement>("form[data-live]");
if (form) live(form);
