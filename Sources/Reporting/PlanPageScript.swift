/// The page's script: one piece, since the page's policy names its digest. It writes text into the page and never markup,
/// asks nothing of the network, and keeps nothing.
enum PlanPageScript {
  static let text = "\n\"use strict\";\n(() => {\n" + clock + list + choice + "})();\n"

  /// The reader's clock.
  private static let clock = #"""
    const $ = (id) => document.getElementById(id);
    const plan = JSON.parse($("plan").textContent);
    const number = new Intl.NumberFormat("en");
    document.documentElement.classList.add("js");

    let clocks = null;
    // A zone that this browser does not know is shown as UTC, and called so.
    function setZone(zone) {
      try { new Intl.DateTimeFormat("en-GB", { timeZone: zone || "UTC" }); } catch { zone = ""; }
      zone ||= "UTC";
      const of = (more) => new Intl.DateTimeFormat("en-GB", {
        timeZone: zone, hour: "2-digit", minute: "2-digit", hourCycle: "h23", ...more });
      clocks = { short: of({}), long: of({ second: "2-digit" }) };
      return zone;
    }
    const time = (second, long) => clocks[long ? "long" : "short"].format(second * 1000);

    // The second at which the clock's hour began. Offsets of whole quarters are all there are.
    function hourOf(second) {
      return second - Number(time(second, false).slice(3, 5)) * 60 - (second % 60);
    }

    function showClock(zone) {
      zone = setZone(zone);
      for (const e of document.querySelectorAll("[data-t]")) {
        e.textContent = time(Number(e.dataset.t), "s" in e.dataset);
      }
      for (const e of document.querySelectorAll(".zone")) e.textContent = zone;
      const body = $("hours");
      if (!body) return;
      const hours = new Map();
      for (const [second, count] of plan.quarters) {
        const hour = hourOf(second);
        hours.set(hour, (hours.get(hour) || 0) + count);
      }
      const known = [...hours.keys()];
      const rows = [];
      for (let hour = Math.min(...known); hour <= Math.max(...known); hour += 3600) {
        const row = document.createElement("tr");
        const head = row.appendChild(document.createElement("th"));
        head.scope = "row";
        head.textContent = time(hour, false);
        const cell = row.appendChild(document.createElement("td"));
        cell.className = "n";
        cell.textContent = number.format(hours.get(hour) || 0);
        rows.push(row);
      }
      body.replaceChildren(...rows);
    }

    function offerZones(select) {
      const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
      const group = (label, zones) => {
        const g = document.createElement("optgroup");
        g.label = label;
        for (const [zone, words] of zones) g.appendChild(new Option(words || zone, zone));
        select.appendChild(g);
      };
      const first = [[plan.zone, plan.zone + " (the project's)"]];
      if (own && own !== plan.zone) first.push([own, own + " (yours)"]);
      if (plan.zone !== "UTC" && own !== "UTC") first.push(["UTC", "UTC"]);
      group("Usual", first);
      if (Intl.supportedValuesOf) group("All", Intl.supportedValuesOf("timeZone").map((z) => [z]));
      select.value = plan.zone;
      select.addEventListener("change", () => {
        showClock(select.value);
        draw(true);
      });
    }

    """#

  /// The list: as many rows as are seen, over columns.
  private static let list = #"""
    const count = plan.t.length;
    const at = new Float64Array(count);
    for (let i = 0, t = 0; i < count; i++) at[i] = t += plan.t[i];
    const idOf = (i) => plan.id.slice(i * 32, i * 32 + 32);
    const stepOf = (i) => plan.kinds[plan.k[i]][0];
    const mailboxOf = (i) => plan.kinds[plan.k[i]][1];

    const box = $("list");
    const table = box.querySelector("table");
    const body = table.tBodies[0];
    const off = new Uint8Array(count);
    let offCount = 0;
    let order = Uint32Array.from({ length: count }, (_, i) => i);
    let sorting = { by: "t", down: false };
    let texts = null;

    function haystack() {
      if (texts) return texts;
      const kinds = plan.kinds.map((k) => "\n" + k[0] + "\n" + k[1]);
      texts = new Array(count);
      for (let i = 0; i < count; i++) {
        texts[i] = (plan.to[i] + "\n" + (plan.c[i] || "") + "\n" + plan.s[i] + kinds[plan.k[i]] + "\n" + idOf(i)).toLowerCase();
      }
      return texts;
    }

    function select() {
      const words = $("search").value.toLowerCase().split(/\s+/).filter(Boolean);
      const all = words.length ? haystack() : null;
      const found = new Uint32Array(count);
      let n = 0;
      for (let i = 0; i < count; i++) {
        if (!all || words.every((w) => all[i].includes(w))) found[n++] = i;
      }
      order = found.subarray(0, n);
      sort();
      box.scrollTop = 0;
      table.setAttribute("aria-rowcount", String(n + 1));
      tell();
      draw(true);
    }

    function sort() {
      const { by, down } = sorting;
      if (by !== "t") {
        const key = { to: (i) => plan.to[i], s: (i) => plan.s[i], k: stepOf, m: mailboxOf }[by];
        const keys = {};
        if (by === "k" || by === "m") {
          const names = [...new Set(plan.kinds.map((k) => k[by === "k" ? 0 : 1]))].sort();
          plan.kinds.forEach((k, n) => { keys[n] = names.indexOf(k[by === "k" ? 0 : 1]); });
          order.sort((a, b) => keys[plan.k[a]] - keys[plan.k[b]] || a - b);
        } else {
          order.sort((a, b) => { const x = key(a), y = key(b); return x < y ? -1 : x > y ? 1 : a - b; });
        }
      } else {
        order.sort();
      }
      if (down) order.reverse();
    }

    const columns = [
      ["time", (i) => time(at[i], true)], ["to", (i) => plan.to[i]], ["subject", (i) => plan.s[i]],
      ["step", stepOf], ["mailbox", mailboxOf]];

    function makeRow(place) {
      const i = order[place];
      const row = document.createElement("tr");
      row.setAttribute("role", "row");
      row.setAttribute("aria-rowindex", String(place + 2));
      row.className = off[i] ? "off" : "";
      const cell = (name) => {
        const c = row.appendChild(document.createElement("td"));
        c.setAttribute("role", "cell");
        c.className = name;
        return c;
      };
      const tick = cell("tick").appendChild(document.createElement("input"));
      tick.type = "checkbox";
      tick.checked = !off[i];
      tick.setAttribute("aria-label", "Send to " + plan.to[i] + ", " + stepOf(i));
      tick.addEventListener("change", () => {
        mark(i, !tick.checked);
        row.className = off[i] ? "off" : "";
        tell();
      });
      for (const [name, text] of columns) {
        const c = cell(name);
        c.textContent = text(i);
        if (name !== "time") c.title = c.textContent;
        if (name === "to" && plan.c[i]) c.title += " (" + plan.c[i] + ")";
      }
      return row;
    }

    function gap() {
      const row = document.createElement("tr");
      row.className = "gap";
      row.setAttribute("aria-hidden", "true");
      row.appendChild(document.createElement("td")).colSpan = 6;
      return row;
    }
    const [above, below] = [gap(), gap()];
    let rows = new Map();
    const rowHeight = () => parseFloat(getComputedStyle(document.documentElement).getPropertyValue("--row")) + 1;

    // Rows that stay in sight stay the same elements, and with them the focus.
    function draw(anew, everything) {
      const h = rowHeight();
      const seen = everything ? everything : Math.ceil(box.clientHeight / h) + 24;
      const from = everything ? 0 : Math.max(0, Math.min(order.length - seen, Math.floor(box.scrollTop / h) - 12));
      const to = Math.min(order.length, from + seen);
      if (anew) rows = new Map();
      const next = new Map();
      for (let place = from; place < to; place++) next.set(place, rows.get(place) || makeRow(place));
      above.firstChild.style.height = from * h + "px";
      below.firstChild.style.height = everything ? "0" : (order.length - to) * h + "px";
      const wanted = [above, ...next.values(), below];
      if (anew || !rows.size) body.replaceChildren(...wanted);
      else {
        for (const [place, row] of rows) if (!next.has(place)) row.remove();
        let before = above;
        for (const row of next.values()) {
          if (before.nextSibling !== row) before.after(row);
          before = row;
        }
      }
      rows = next;
    }

    let waiting = false;
    box.addEventListener("scroll", () => {
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(() => { waiting = false; draw(false); });
    }, { passive: true });
    addEventListener("resize", () => draw(true));
    addEventListener("beforeprint", () => {
      for (const frame of document.querySelectorAll("iframe")) frame.loading = "eager";
      draw(true, 1000);
    });
    addEventListener("afterprint", () => draw(true));

    // From tick to tick by the arrows.
    body.addEventListener("keydown", (event) => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      const row = event.target.closest("tr");
      if (!step || event.target.type !== "checkbox" || !row) return;
      event.preventDefault();
      const place = Number(row.getAttribute("aria-rowindex")) - 2 + step;
      if (place < 0 || place >= order.length) return;
      const h = rowHeight();
      const head = table.tHead.offsetHeight;
      if (place * h < box.scrollTop) box.scrollTop = place * h;
      if ((place + 1) * h + head > box.scrollTop + box.clientHeight) box.scrollTop = (place + 1) * h + head - box.clientHeight;
      draw(false);
      rows.get(place)?.querySelector("input").focus({ preventScroll: true });
    });

    for (const head of table.querySelectorAll("th[data-sort]")) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const by = head.dataset.sort;
        sorting = { by, down: sorting.by === by && !sorting.down };
        for (const other of table.querySelectorAll("th[data-sort]")) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", sorting.down ? "descending" : "ascending");
        sort();
        box.scrollTop = 0;
        draw(true);
      });
    }

    """#

  /// What a reader takes out, and the command that comes of it.
  private static let choice = #"""
    // The longest argument that Linux takes has 128 KiB.
    const mostIDs = 3900;

    function mark(i, isOff) {
      if (off[i] === Number(isOff)) return;
      off[i] = Number(isOff);
      offCount += isOff ? 1 : -1;
    }

    function command() {
      let words = plan.approve;
      if (offCount > 0 && offCount <= mostIDs) {
        const ids = [];
        for (let i = 0; i < count; i++) if (off[i]) ids.push(idOf(i));
        words += " --without " + ids.join(",");
      }
      return words + " --sha256 " + plan.sha256;
    }

    function tell() {
      const listed = order.length;
      $("found").textContent = (listed === count ? number.format(count) : number.format(listed) + " of " + number.format(count)) +
        (count === 1 ? " send" : " sends") + " listed" + (offCount ? ", " + number.format(offCount) + " unticked" : "");
      if (!plan.approve) return;
      const tooMany = offCount > mostIDs;
      $("verdict").textContent = tooMany
        ? number.format(offCount) + " are too many for one command: delete their lines from the plan file and approve it then, or plan again with a smaller audience."
        : "Approves " + number.format(plan.sends - offCount) + " of " + number.format(plan.sends) + " sends" +
          (offCount ? " and withdraws " + number.format(offCount) + " for good." : ".");
      $("command").textContent = tooMany ? "" : command();
      $("copy").disabled = tooMany;
      $("copied").textContent = "";
    }

    function markListed(isOff) {
      for (const i of order) mark(i, isOff);
      tell();
      draw(true);
    }
    $("untick").addEventListener("click", () => markListed(true));
    $("tick").addEventListener("click", () => markListed(false));

    $("copy")?.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(command());
        $("copied").textContent = "Copied.";
      } catch {
        getSelection().selectAllChildren($("command"));
        $("copied").textContent = "Selected: copy it with your keyboard.";
      }
    });

    let typing = 0;
    $("search").addEventListener("input", () => {
      clearTimeout(typing);
      typing = setTimeout(select, 120);
    });

    if (setZone(plan.zone) !== plan.zone) showClock("UTC");
    const zones = $("zone");
    if (zones) offerZones(zones);
    if (!plan.approve) {
      for (const e of [$("untick"), $("tick")]) e.remove();
      document.documentElement.classList.add("looking");
    }
    tell();
    draw(true);
    performance.mark("ready");

    """#
}
