/* Everything here only adds comfort: each page can be read without it. Texts are only ever set as text. */
"use strict";
(() => {
  const element = (tag, text, name) => {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    if (name) made.className = name;
    return made;
  };
  const plain = (text) => text.toLowerCase().replace(/[-_.]+/g, "-");

  /* Letters that one has to add, leave out, replace or exchange with their neighbour (Damerau 1964); `most` + 1 if more. */
  function distance(one, two, most) {
    if (Math.abs(one.length - two.length) > most) return most + 1;
    let [before, last, row] = [[], [], Array.from({ length: two.length + 1 }, (_, at) => at)];
    for (let i = 1; i <= one.length; i++) {
      [before, last, row] = [last, row, [i]];
      let least = i;
      for (let j = 1; j <= two.length; j++) {
        const same = one[i - 1] === two[j - 1];
        row[j] = Math.min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0 : 1));
        if (i > 1 && j > 1 && one[i - 1] === two[j - 2] && one[i - 2] === two[j - 1]) row[j] = Math.min(row[j], before[j - 2] + 1);
        least = Math.min(least, row[j]);
      }
      if (least > most) return most + 1;
    }
    return row[two.length];
  }

  /* The letters of a word as bits: an edit changes two of them at most, and so most names need no closer look. */
  function letters(word) {
    let bits = 0;
    for (let at = 0; at < word.length; at++) bits |= 1 << (word.charCodeAt(at) % 31);
    return bits;
  }

  function differing(one, two) {
    let found = 0;
    for (let bits = one ^ two; bits; bits &= bits - 1) found++;
    return found;
  }

  /* The projects of `assets/projects.js`, as rows that can be searched. */
  function readProjects({ kinds, rows }) {
    return rows.map(([shown, version, summary, imports, kind]) => {
      const name = plain(shown);
      const names = [...new Set([name, ...imports.split(" ").filter(Boolean).map(plain)])];
      const keys = names.join(" ");
      const text = `${keys} ${imports} ${summary}`.toLowerCase();
      return { shown, version, summary, name, names, keys, text, kind: kinds[kind] };
    });
  }

  /* How well a project answers: 0 is its name, 5 only words of its summary; -1: it does not. */
  function rank({ name, names, keys, text }, query, words) {
    if (keys.includes(query)) {
      if (name === query) return 0;
      if (names.includes(query)) return 1;
      if (name.startsWith(query)) return 2;
      return names.some((each) => each.startsWith(query)) ? 3 : 4;
    }
    return words.every((word) => text.includes(word)) ? 5 : -1;
  }

  /* Names that are typed a little differently, the nearest first. */
  function closeTo(query, rows) {
    const most = query.length < 5 ? 1 : 2;
    const bits = letters(query);
    const found = [[], [], []];
    for (const row of rows) {
      row.bits ??= row.names.map(letters);
      let far = most + 1;
      for (let at = 0; at < row.names.length; at++) {
        if (differing(bits, row.bits[at]) <= 2 * most) far = Math.min(far, distance(query, row.names[at], most));
      }
      if (far <= most) found[far].push(row);
    }
    return found.flat();
  }

  function find(rows, text) {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    if (!words.length) return { hits: rows, near: false };
    const query = plain(words.join("-"));
    const ranked = [[], [], [], [], [], []];
    for (const row of rows) {
      const at = rank(row, query, words);
      if (at >= 0) ranked[at].push(row);
    }
    const called = ranked.slice(0, 5).some((some) => some.length);
    const near = query.length < 3 || called ? [] : closeTo(query, rows);
    return { hits: near.length ? [...near, ...ranked[5].filter((row) => !near.includes(row))] : ranked.flat(), near: near.length > 0 };
  }

  function projects(list, data) {
    const MORE = 60;
    const search = document.getElementById("search");
    const form = document.getElementById("filters");
    const count = document.getElementById("count");
    const none = document.getElementById("none");
    const near = document.getElementById("near");
    const selects = [...form.querySelectorAll("select")];
    const all = readProjects(data);
    let hits = [];
    let remember;
    form.hidden = false;
    list.hidden = false;
    for (const part of document.querySelectorAll("[data-without-script]")) part.hidden = true;
    form.addEventListener("submit", (event) => event.preventDefault());

    function item(row) {
      const made = element("li");
      const link = element("a", row.shown);
      link.href = `projects/${row.name}.html`;
      made.append(link, " ", element("b", row.version));
      if (row.kind.origin.includes("built")) made.append(" ", element("i", "compiled here"));
      if (row.summary) made.append(element("p", row.summary));
      return made;
    }

    function more() {
      list.append(...hits.slice(list.children.length, list.children.length + MORE).map(item));
    }

    function update() {
      const chosen = selects.filter((select) => select.value).map((select) => [select.dataset.filter, select.value]);
      const kinds = new Set(data.kinds.filter((kind) => chosen.every(([key, value]) => kind[key].includes(value))));
      const found = find(kinds.size === data.kinds.length ? all : all.filter((row) => kinds.has(row.kind)), search.value);
      hits = found.hits;
      list.replaceChildren(...hits.slice(0, MORE).map(item));
      near.hidden = !found.near;
      none.hidden = hits.length > 0;
      count.textContent = hits.length === all.length ? `${all.length} projects` : `${hits.length} of ${all.length} projects`;
      clearTimeout(remember);
      remember = setTimeout(() => {
        const kept = new URLSearchParams(chosen);
        if (search.value.trim()) kept.set("q", search.value.trim());
        try { history.replaceState(null, "", kept.size ? `#${kept}` : location.pathname + location.search); } catch { /* file: pages may not */ }
      }, 250);
    }

    const asked = new URLSearchParams(location.hash.slice(1));
    search.value = asked.get("q") || "";
    for (const select of selects) select.value = asked.get(select.dataset.filter) || "";
    search.addEventListener("input", update);
    form.addEventListener("change", (event) => { if (event.target !== search) update(); });
    const end = document.getElementById("end");
    new IntersectionObserver((seen, observer) => {
      if (!seen.some((each) => each.isIntersecting) || list.children.length >= hits.length) return;
      more();
      observer.unobserve(end); // and so it is told again, if the end is still in sight
      observer.observe(end);
    }, { rootMargin: "600px" }).observe(end);
    update();

    document.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const links = [...list.querySelectorAll("li > a")];
      const at = links.indexOf(document.activeElement);
      const typing = document.activeElement === search;
      if (event.key === "/" && !typing && document.activeElement.tagName !== "SELECT") {
        search.focus();
        search.select();
      } else if (event.key === "Escape" && (typing || at >= 0)) {
        search.value = "";
        for (const select of selects) select.value = "";
        update();
        search.focus();
      } else if (event.key === "ArrowDown" && (typing || at >= 0) && links.length) {
        if (at + 1 === links.length) more();
        (list.children[at + 1] || list.lastElementChild).querySelector("a").focus();
      } else if (event.key === "ArrowUp" && at >= 0) {
        (at === 0 ? search : links[at - 1]).focus();
      } else if (event.key === "Enter" && typing && links.length) {
        links[0].click();
      } else {
        return;
      }
      event.preventDefault();
    });
  }

  /* The matrix: only rows whose name was typed, only those in which targets differ. */
  function matrix(table) {
    const form = document.getElementById("narrow");
    const [typed, differing] = [form.querySelector("input[type=search]"), form.querySelector("input[type=checkbox]")];
    const body = table.tBodies[0];
    const rows = [...body.rows].map((row) => ({ row, name: plain(row.cells[0].textContent), differs: row.hasAttribute("data-differs") }));
    const count = form.querySelector("output");
    form.hidden = false;
    form.addEventListener("submit", (event) => event.preventDefault());
    function update() {
      const query = plain(typed.value.trim());
      const shown = rows.filter(({ name, differs }) => name.includes(query) && (differs || !differing.checked));
      body.replaceChildren(...shown.map(({ row }) => row));
      count.textContent = shown.length === rows.length ? `${rows.length} projects` : `${shown.length} of ${rows.length} projects`;
    }
    form.addEventListener("input", update);
    update();
  }

  /* Over plain http a page may not use navigator.clipboard: there the text is selected, and copied as it was before that. */
  async function copy(code) {
    try {
      await navigator.clipboard.writeText(code.textContent);
      return true;
    } catch {
      const range = document.createRange();
      range.selectNodeContents(code);
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      return document.execCommand("copy");
    }
  }

  function copying() {
    for (const box of document.querySelectorAll(".command")) {
      const button = element("button", "Copy");
      button.type = "button";
      button.addEventListener("click", async () => {
        button.textContent = (await copy(box.querySelector("code"))) ? "Copied" : "Press Ctrl+C";
        setTimeout(() => { button.textContent = "Copy"; }, 1500);
      });
      box.append(button);
    }
  }

  /* Commands say where this very wheelhouse lies: on a server its address, on a disk its folder. */
  function placing() {
    const root = new URL(document.documentElement.dataset.root || "./", location.href);
    const path = decodeURIComponent(root.pathname).replace(/\/$/, "");
    const quoted = (word) => (/^[\w@%+=:,./-]*$/.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`);
    const believed = root.protocol === "https:" || ["localhost", "127.0.0.1", "[::1]"].includes(root.hostname);
    for (const box of document.querySelectorAll(".command")) {
      const code = box.querySelector("code");
      const put = "file" in box.dataset ? (word) => word : quoted;
      let text = code.textContent;
      if (root.protocol === "file:") {
        text = text.replaceAll("file:///WHEELHOUSE", root.href.replace(/\/$/, ""));
        text = text.replace(/\/WHEELHOUSE([^\s'"]*)/g, (_, below) => put(path + below));
      } else if (root.protocol.startsWith("http")) {
        if (believed) text = text.replaceAll(" --trusted-host SERVER", "").replaceAll("\ntrusted-host = SERVER", "");
        text = text.replaceAll("http://SERVER/", root.href).replaceAll("SERVER", root.hostname);
      }
      if (text !== code.textContent) code.textContent = text;
    }
  }

  /* Every project that one looks at, and what it is joined to, stands out; arrow keys go along the lines. */
  function graph(picture) {
    const lines = [...picture.querySelectorAll("path")];
    const boxes = new Map([...picture.querySelectorAll("a")].map((link) => [link.dataset.name, link]));
    const names = [...boxes.keys()];
    const place = (name) => boxes.get(name).querySelector("rect").getBBox();
    const joined = (name, from, to) => lines.filter((line) => line.dataset[from] === name).map((line) => line.dataset[to])
      .sort((one, two) => Math.abs(place(one).y - place(name).y) - Math.abs(place(two).y - place(name).y));

    function light(name) {
      picture.classList.toggle("some", Boolean(name));
      for (const lit of picture.querySelectorAll(".lit")) lit.classList.remove("lit");
      if (!name) return;
      boxes.get(name).classList.add("lit");
      for (const line of lines) {
        if (line.dataset.from !== name && line.dataset.to !== name) continue;
        line.classList.add("lit");
        for (const end of [line.dataset.from, line.dataset.to]) boxes.get(end).classList.add("lit");
      }
    }

    function go(name) {
      for (const link of boxes.values()) link.tabIndex = -1;
      boxes.get(name).tabIndex = 0;
      boxes.get(name).focus();
    }

    const beside = (name, step) => {
      const column = names.filter((other) => place(other).x === place(name).x).sort((one, two) => place(one).y - place(two).y);
      return column[column.indexOf(name) + step];
    };
    const ways = {
      ArrowRight: (name) => joined(name, "from", "to")[0],
      ArrowLeft: (name) => joined(name, "to", "from")[0],
      ArrowDown: (name) => beside(name, 1),
      ArrowUp: (name) => beside(name, -1),
    };
    for (const [name, link] of boxes) {
      link.tabIndex = name === names[0] ? 0 : -1;
      link.addEventListener("pointerenter", () => light(name));
      link.addEventListener("pointerleave", () => light(""));
      link.addEventListener("focus", () => light(name));
      link.addEventListener("blur", () => light(""));
      link.addEventListener("keydown", (event) => {
        const next = ways[event.key]?.(name);
        if (ways[event.key]) event.preventDefault();
        if (next) go(next);
      });
    }
  }

  const list = document.getElementById("list");
  if (list && globalThis.wheelyardProjects) projects(list, globalThis.wheelyardProjects);
  const table = document.querySelector("table.matrix");
  if (table) matrix(table);
  const picture = document.querySelector("svg.graph");
  if (picture) graph(picture);
  placing();
  copying();
})();
