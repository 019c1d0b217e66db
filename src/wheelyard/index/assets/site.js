/* Everything here only adds comfort: each page can be read without it. Texts are only ever set as text. */
"use strict";
(() => {
  const search = document.getElementById("search");
  const list = document.getElementById("list");

  function comfort() {
    const form = document.getElementById("filters");
    const count = document.getElementById("count");
    const none = document.getElementById("none");
    const selects = [...form.querySelectorAll("select")];
    const rows = [...list.children].map((item) => ({
      item,
      link: item.querySelector("a"),
      name: item.querySelector("a").textContent.toLowerCase(),
      text: item.textContent.toLowerCase(),
    }));
    form.hidden = false;
    form.addEventListener("submit", (event) => event.preventDefault());

    function matches(row, words, chosen) {
      return words.every((word) => row.text.includes(word))
        && chosen.every(([key, value]) => row.item.dataset[key].split("|").includes(value));
    }

    function update() {
      const query = search.value.trim().toLowerCase();
      const words = query.split(/\s+/).filter(Boolean);
      const chosen = selects.filter((select) => select.value).map((select) => [select.dataset.filter, select.value]);
      let shown = 0;
      for (const row of rows) {
        const hit = matches(row, words, chosen);
        if (row.item.hidden === hit) row.item.hidden = !hit;
        shown += hit;
      }
      // A name that begins with what was typed comes first; the order of the page is kept among the rest.
      const rank = (row) => (!query ? 0 : row.name === query ? 0 : row.name.startsWith(query) ? 1 : row.name.includes(query) ? 2 : 3);
      if (rows.length <= 2000 || !query || shown <= 500) {
        const visible = rows.filter((row) => !row.item.hidden);
        const order = visible.map((row, at) => [rank(row), at, row]).sort((a, b) => a[0] - b[0] || a[1] - b[1]);
        if (query || list.dataset.sorted) {
          list.prepend(...(query ? order.map((each) => each[2].item) : rows.map((row) => row.item)));
          list.dataset.sorted = query ? "yes" : "";
        }
      }
      none.hidden = shown > 0;
      count.textContent = shown === rows.length ? `${shown} projects` : `${shown} of ${rows.length} projects`;
      const kept = new URLSearchParams(chosen);
      if (query) kept.set("q", query);
      try { history.replaceState(null, "", kept.size ? `#${kept}` : location.pathname + location.search); } catch { /* file: pages may not */ }
    }

    const asked = new URLSearchParams(location.hash.slice(1));
    search.value = asked.get("q") || "";
    for (const select of selects) select.value = asked.get(select.dataset.filter) || "";
    search.addEventListener("input", update);
    form.addEventListener("change", update);
    update();

    document.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const visible = rows.filter((row) => !row.item.hidden).map((row) => row.link);
      const ordered = [...list.querySelectorAll("li:not([hidden]) > a")];
      const at = ordered.indexOf(document.activeElement);
      const typing = document.activeElement === search;
      if (event.key === "/" && !typing && document.activeElement.tagName !== "SELECT") {
        search.focus();
        search.select();
      } else if (event.key === "Escape" && (typing || at >= 0)) {
        search.value = "";
        for (const select of selects) select.value = "";
        update();
        search.focus();
      } else if (event.key === "ArrowDown" && (typing || at >= 0) && visible.length) {
        ordered[Math.min(at + 1, ordered.length - 1)].focus();
      } else if (event.key === "ArrowUp" && at >= 0) {
        (at === 0 ? search : ordered[at - 1]).focus();
      } else if (event.key === "Enter" && typing && ordered.length) {
        ordered[0].click();
      } else {
        return;
      }
      event.preventDefault();
    });
  }

  function copying() {
    if (!navigator.clipboard) return;
    for (const box of document.querySelectorAll(".command")) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = "Copy";
      button.addEventListener("click", async () => {
        await navigator.clipboard.writeText(box.querySelector("code").textContent);
        button.textContent = "Copied";
        setTimeout(() => { button.textContent = "Copy"; }, 1500);
      });
      box.append(button);
    }
  }

  function online() {
    if (!location.protocol.startsWith("http")) return;
    for (const place of document.querySelectorAll("[data-url]")) place.textContent = new URL(place.dataset.url, location.href).href;
    const trust = location.protocol === "http:" && !["localhost", "127.0.0.1"].includes(location.hostname);
    for (const place of document.querySelectorAll("[data-trust]")) place.textContent = trust ? `--trusted-host ${location.hostname} ` : "";
    for (const place of document.querySelectorAll("[data-online]")) place.hidden = false;
  }

  function pointing() {
    const graph = document.querySelector("svg.graph");
    if (!graph) return;
    const lines = [...graph.querySelectorAll("path")];
    const boxes = new Map([...graph.querySelectorAll("g")].map((box) => [box.dataset.name, box]));
    for (const [name, box] of boxes) {
      box.addEventListener("pointerenter", () => {
        graph.classList.add("some");
        box.classList.add("lit");
        for (const line of lines) {
          if (line.dataset.from !== name && line.dataset.to !== name) continue;
          line.classList.add("lit");
          for (const end of [line.dataset.from, line.dataset.to]) boxes.get(end).classList.add("lit");
        }
      });
      box.addEventListener("pointerleave", () => {
        graph.classList.remove("some");
        for (const lit of graph.querySelectorAll(".lit")) lit.classList.remove("lit");
      });
    }
  }

  if (search && list) comfort();
  copying();
  online();
  pointing();
})();
