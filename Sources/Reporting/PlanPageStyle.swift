/// The page's style sheet.
enum PlanPageStyle {
  static let text = #"""

    :root {
      color-scheme: light dark;
      --paper: #fbfbf9; --ink: #1d2530; --soft: #5b6675; --line: #d9dcd6; --panel: #ffffff; --bar: #2f6f9f;
      --look: #fff4d6; --look-line: #d9a400; --link: #1d5c8f; --row: 36px;
    }
    @media (prefers-color-scheme: dark) {
      :root {
        --paper: #14181d; --ink: #e6e9ed; --soft: #a3adba; --line: #333b45; --panel: #1b2027; --bar: #6bb0e0;
        --look: #2e2813; --look-line: #b88f1c; --link: #8cc4f0;
      }
    }
    * { box-sizing: border-box; }
    body {
      margin: 0 auto; max-width: 76rem; padding: 1rem clamp(1rem, 3vw, 2.5rem) 4rem; background: var(--paper);
      color: var(--ink); font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
    }
    h1 { font-size: clamp(1.4rem, 4vw, 2rem); line-height: 1.2; margin: 0.2rem 0 0.4rem; }
    h2 { font-size: 1.2rem; margin: 2.2rem 0 0.6rem; scroll-margin-top: 1rem; }
    h3 { font-size: 1rem; margin: 0 0 0.5rem; }
    a { color: var(--link); }
    h1 span { white-space: nowrap; }
    .brand { margin: 0; color: var(--soft); letter-spacing: 0.08em; text-transform: uppercase; font-size: 0.8rem; }
    .note, figcaption, small, footer { color: var(--soft); font-size: 0.875rem; }
    small { display: block; font-weight: 400; }
    nav ul { display: flex; flex-wrap: wrap; gap: 0.25rem 1.1rem; list-style: none; padding: 0; margin: 0.8rem 0 0; }
    nav a { display: inline-block; padding: 0.2rem 0; }
    .skip { position: absolute; left: -999rem; background: var(--panel); padding: 0.6rem 1rem; z-index: 3; }
    .skip:focus { left: 0.5rem; top: 0.5rem; }
    :focus-visible { outline: 3px solid var(--bar); outline-offset: 2px; border-radius: 3px; }
    .tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(8rem, 1fr)); gap: 0.75rem; margin: 0 0 1rem; }
    .tiles div { background: var(--panel); border: 1px solid var(--line); border-radius: 8px; padding: 0.6rem 0.9rem; }
    .tiles dt { color: var(--soft); font-size: 0.875rem; }
    .tiles dd { margin: 0; font-size: 1.7rem; font-weight: 600; font-variant-numeric: tabular-nums; }
    .look { background: var(--look); border-left: 4px solid var(--look-line); border-radius: 4px; padding: 0.1rem 1rem 0.6rem; margin-top: 1.5rem; }
    .look h2 { margin-top: 0.6rem; }
    .look ul { margin: 0; padding-left: 1.2rem; overflow-wrap: anywhere; }
    table { border-collapse: collapse; width: 100%; background: var(--panel); }
    caption { text-align: left; color: var(--soft); font-size: 0.875rem; padding: 0.4rem 0; background: var(--paper); }
    th, td { text-align: left; padding: 0.4rem 0.7rem; border-bottom: 1px solid var(--line); unicode-bidi: isolate; }
    thead th { font-size: 0.875rem; color: var(--soft); font-weight: 600; }
    tbody th { font-weight: 600; }
    tfoot th, tfoot td { font-weight: 600; border-top: 2px solid var(--line); }
    .n { text-align: right; font-variant-numeric: tabular-nums; }
    .wide { overflow-x: auto; }
    .tall { max-height: 42rem; overflow-y: auto; border: 1px solid var(--line); border-radius: 8px; }
    .tall thead th { position: sticky; top: 0; background: var(--panel); }
    .hours { width: auto; }
    .controls { display: flex; flex-wrap: wrap; align-items: center; gap: 0.5rem 0.7rem; margin: 0 0 0.7rem; }
    .controls p { margin: 0; color: var(--soft); }
    input, select, button {
      font: inherit; color: inherit; background: var(--panel); border: 1px solid var(--soft); border-radius: 6px;
      padding: 0.35rem 0.7rem; min-height: 2.4rem; max-width: 100%;
    }
    button { cursor: pointer; }
    input[type=checkbox] { min-height: 0; width: 1.15rem; height: 1.15rem; margin: 0; vertical-align: middle; accent-color: var(--bar); }
    #search { flex: 1 1 14rem; min-width: 0; }
    figure { margin: 0; }
    .curve { background: var(--panel); border: 1px solid var(--line); border-radius: 8px 8px 0 0; height: 11rem; padding-top: 0.6rem; }
    svg { display: block; width: 100%; height: 100%; fill: var(--bar); }
    .ticks { position: relative; height: 1.5rem; font-size: 0.8rem; color: var(--soft); font-variant-numeric: tabular-nums; overflow: hidden; }
    .ticks span { position: absolute; transform: translateX(-50%); line-height: 1.2; }
    .ticks span::before { content: ""; display: block; width: 1px; height: 5px; margin: 0 auto; background: var(--soft); }
    .ticks span:first-child { transform: none; }
    .ticks span:first-child::before { margin: 0; }
    .ticks span:last-child { transform: translateX(-100%); }
    .ticks span:last-child::before { margin: 0 0 0 auto; }
    .mailboxes { table-layout: auto; }
    .mailboxes .strip { width: 45%; padding: 0.2rem 0; }
    .mailboxes td.strip svg { height: 1.9rem; border-left: 1px solid var(--line); border-right: 1px solid var(--line); }
    .mailboxes .span { white-space: nowrap; font-variant-numeric: tabular-nums; }
    .of { display: none; }
    .mailboxes .ticks span:nth-child(even) { display: none; }
    .mailboxes tfoot td { border: 0; padding: 0; font-weight: 400; }
    article { background: var(--panel); border: 1px solid var(--line); border-radius: 8px; padding: 1rem; margin: 0 0 1rem; }
    .mail { margin: 0 0 0.6rem; }
    .mail div { display: flex; gap: 0.7rem; }
    .mail dt { color: var(--soft); flex: 0 0 4.5rem; }
    .mail dd { margin: 0; overflow-wrap: anywhere; unicode-bidi: isolate; }
    iframe { width: 100%; height: 24rem; border: 1px solid var(--line); border-radius: 4px; background: #ffffff; color-scheme: light; resize: vertical; }
    pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: 0.4rem 0; padding: 0.7rem; border: 1px solid var(--line); border-radius: 4px; background: var(--paper); font: 0.9rem/1.45 ui-monospace, "DejaVu Sans Mono", monospace; max-height: 24rem; overflow-y: auto; }
    summary { cursor: pointer; padding: 0.2rem 0; }
    #list { border: 1px solid var(--line); border-radius: 8px; overflow: auto; }
    .js #list { max-height: min(70vh, 44rem); overflow-anchor: none; }
    .sends { table-layout: fixed; }
    .sends thead th { position: sticky; top: 0; background: var(--panel); box-shadow: inset 0 -2px var(--line); z-index: 1; }
    .sends td { height: var(--row); padding: 0 0.7rem; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
    .sends .tick { width: 4rem; text-align: center; }
    .sends .time { width: 6.5rem; font-variant-numeric: tabular-nums; }
    .sends .mailbox { width: 9rem; }
    .sends .step { width: 15rem; }
    .sends th button { all: unset; cursor: pointer; }
    .sends th button:focus-visible { outline: 3px solid var(--bar); outline-offset: 2px; }
    .sends th[aria-sort=ascending] button::after { content: " ▲" / ""; }
    .sends th[aria-sort=descending] button::after { content: " ▼" / ""; }
    .sends tr.off td:not(.tick) { color: var(--soft); text-decoration: line-through; }
    .sends tr.gap td { border: 0; padding: 0; height: auto; }
    html:not(.js) .js, html:not(.js) .sends .tick, .looking .sends .tick, .js .nojs { display: none; }
    footer { margin-top: 3rem; border-top: 1px solid var(--line); overflow-wrap: anywhere; }
    @media (max-width: 700px) {
      :root { --row: 62px; }
      th, td { padding: 0.35rem 0.5rem; }
      .ticks span:nth-child(even) { display: none; }
      .mailboxes thead, .sends thead { position: absolute; clip-path: inset(50%); height: 1px; overflow: hidden; }
      .js .sends thead { position: static; clip-path: none; height: auto; display: block; }
      .js .sends thead tr { display: flex; gap: 0.9rem; padding: 0.4rem 0.6rem; flex-wrap: wrap; }
      .js .sends thead th { padding: 0; border: 0; width: auto; position: static; box-shadow: none; }
      .js .sends thead .tick { display: none; }
      .mailboxes, .mailboxes tbody, .sends, .sends tbody { display: block; }
      .mailboxes tr { display: grid; grid-template-columns: 1fr auto; padding: 0.5rem; border-bottom: 1px solid var(--line); }
      .mailboxes th, .mailboxes td { border: 0; padding: 0.1rem 0; }
      .mailboxes .limit { display: none; }
      .mailboxes td.span, .mailboxes td.strip { grid-column: 1 / -1; width: auto; white-space: normal; }
      .of { display: inline; }
      .mailboxes tfoot, .mailboxes tfoot tr { display: block; }
      .mailboxes tfoot td[colspan] { display: none; }
      .mailboxes tfoot td.strip { display: block; width: auto; }
      .sends tr:not(.gap) { display: grid; grid-template-columns: 2.2rem 1fr auto; height: var(--row); padding: 0.35rem 0.6rem; border-bottom: 1px solid var(--line); align-content: center; }
      .sends thead tr { height: auto !important; }
      .sends td { border: 0; height: auto; padding: 0 0.3rem 0 0; line-height: 1.6; }
      .sends tr.gap { display: block; }
      .sends td.tick { grid-row: 1 / 3; width: auto; align-self: center; }
      .sends td.to { grid-column: 2; grid-row: 1; }
      .sends td.time { grid-column: 3; grid-row: 1; width: auto; }
      .sends td.subject { grid-column: 2; grid-row: 2; color: var(--soft); }
      .sends td.mailbox { grid-column: 3; grid-row: 2; width: auto; color: var(--soft); }
      .sends td.step { display: none; }
    }
    @media print {
      body { max-width: none; padding: 0; background: #ffffff; color: #000000; font-size: 10pt; }
      nav, .controls, .skip, #copy, #copied { display: none !important; }
      html .sends .tick { display: none; }
      .sends { table-layout: auto; }
      .sends td { white-space: normal; height: auto; overflow-wrap: anywhere; padding: 0.2rem 0.4rem; }
      .sends td.step, .sends td.mailbox, .sends td.time, .sends th { width: auto; padding: 0.2rem 0.4rem; }
      .js #list, #list { max-height: none; overflow: visible; border: 0; }
      .sends thead th { position: static; }
      section, article { break-inside: auto; } tr, figure, h2, h3 { break-inside: avoid; } h2, h3 { break-after: avoid; }
      pre, .tall { max-height: none; overflow: visible; }
      svg { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
    }
    @media (prefers-reduced-motion: no-preference) { html { scroll-behavior: smooth; } }

    """#
}
