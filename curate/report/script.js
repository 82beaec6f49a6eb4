"use strict";
// The page reads well without any of this: it opens what a link points to, lists the sections and switches the theme.
(() => {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  document.getElementById("theme").addEventListener("click", () => {
    const now = root.dataset.theme || (dark.matches ? "dark" : "light");
    root.dataset.theme = now === "dark" ? "light" : "dark";
  });

  const open = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    for (let at = target; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
    target.scrollIntoView();
  };
  addEventListener("hashchange", open);
  // A second click on the same link changes no hash, but should open again what was closed since.
  addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#']");
    if (link && link.hash === location.hash) open();
  });
  open();

  const plot = document.querySelector(".plot");
  const picked = document.querySelector(".picked");
  if (plot) plot.addEventListener("click", (event) => {
    if (event.target.tagName !== "circle") return;
    plot.querySelectorAll(".at").forEach((each) => each.classList.remove("at"));
    event.target.classList.add("at");
    picked.textContent = event.target.querySelector("title").textContent;
  });

  const nav = document.querySelector("nav");
  const links = new Map();
  for (const section of document.querySelectorAll("main > section")) {
    const heading = section.querySelector("h2");
    if (!heading) continue;
    const link = document.createElement("a");
    link.href = "#" + section.id;
    link.textContent = heading.textContent;
    links.set(section, link);
    nav.append(link);
  }
  const watcher = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) links.get(target).classList.toggle("here", isIntersecting);
  }, { rootMargin: "-20% 0px -70% 0px" });
  for (const section of links.keys()) watcher.observe(section);

  addEventListener("beforeprint", () => document.querySelectorAll("details.more").forEach((each) => { each.open = true; }));
})();
