// Loads the page's module. A browser that can't is told which command shows the same.
import init from "./page.js";

try {
  await init({ module_or_path: new URL("./page_bg.wasm", import.meta.url) });
} catch (error) {
  const place = document.getElementById("app");
  const text = document.createElement("p");
  text.className = "boot";
  text.textContent = "This browser can't show the page. `capstan status` shows the same in a terminal.";
  place.replaceChildren(text);
  throw error;
}
