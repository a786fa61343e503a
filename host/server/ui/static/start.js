// Loads the page's module. A browser that can't is told which command shows the same.
import init from "./page.js";

// A module that has failed draws nothing any more, and what is seen gets old without a word.
addEventListener("error", ({ error }) => {
  if (!(error instanceof WebAssembly.RuntimeError) || document.querySelector(".has-failed")) return;
  const banner = document.createElement("p");
  banner.className = "banner has-failed";
  banner.setAttribute("role", "alert");
  banner.textContent = "The page has failed, and shows nothing new. Reload it; your operations go on without it.";
  (document.getElementById("main") ?? document.body).prepend(banner);
});

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
