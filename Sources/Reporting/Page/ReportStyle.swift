/// The report's looks: the reader's own fonts, light and dark by the system's choice, and a version for paper. Colours
/// have a contrast of 4.5 to 1 and more for text (WCAG 2.2 §1.4.3), and of 3 to 1 for the bars (§1.4.11).
enum ReportStyle {
  static let css = """

    :root{--back:#fff;--card:#f5f6f8;--text:#1b1f24;--dim:#57606a;--line:#d0d7de;--sent:#1a7f37;--retry:#9a6700;\
    --failed:#cf222e;--doubt:#8250df;--link:#0550ae}
    @media (prefers-color-scheme:dark){:root{--back:#14171c;--card:#1d2229;--text:#e6edf3;--dim:#9aa5b1;--line:#3d444d;\
    --sent:#3fb950;--retry:#d29922;--failed:#ff7b72;--doubt:#bc8cff;--link:#79b8ff}}
    *{box-sizing:border-box}
    body{margin:0 auto;max-width:64rem;padding:1.5rem 1rem 4rem;background:var(--back);color:var(--text);\
    font:1rem/1.5 system-ui,sans-serif}
    h1{font-size:1.6rem;margin:0 0 .25rem}h2{font-size:1.2rem;margin:2.5rem 0 .5rem}h3{font-size:1rem;margin:1.5rem 0 .25rem}
    p{margin:.25rem 0 .75rem;max-width:46rem}.dim,figcaption,caption{color:var(--dim)}
    dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(8rem,1fr));gap:.75rem;margin:1.25rem 0}
    dl div{background:var(--card);border:1px solid var(--line);border-left:.3rem solid var(--line);border-radius:.4rem;padding:.6rem .8rem}
    dt{color:var(--dim);font-size:.9rem}dd{margin:0;font-size:1.5rem;font-variant-numeric:tabular-nums}
    dl .sent{border-left-color:var(--sent)}dl .retry{border-left-color:var(--retry)}
    dl .failed{border-left-color:var(--failed)}dl .doubt{border-left-color:var(--doubt)}
    .note{border-left:.3rem solid var(--retry);background:var(--card);padding:.6rem .8rem;border-radius:.3rem;max-width:none}
    .scroll{overflow-x:auto;margin:.5rem 0 1rem}
    .scroll:focus-visible,summary:focus-visible{outline:.15rem solid var(--link);outline-offset:.1rem}
    table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;font-size:.95rem}
    caption{text-align:left;padding-bottom:.25rem;font-size:.9rem}
    th,td{padding:.35rem .75rem .35rem 0;text-align:left;vertical-align:top;border-bottom:1px solid var(--line);font-weight:400}
    thead th,tfoot th,tfoot td{font-weight:600;white-space:nowrap}td{overflow-wrap:anywhere}.n{text-align:right;white-space:nowrap}
    code{font:.9em/1.4 ui-monospace,monospace;background:var(--card);border:1px solid var(--line);border-radius:.3rem;\
    padding:.1rem .35rem;overflow-wrap:anywhere;display:inline-block;max-width:100%}\
    a{color:var(--link)}
    figure{margin:.5rem 0}svg{display:block;width:100%;min-width:34rem;height:auto}
    svg text{fill:var(--dim);font:13px system-ui,sans-serif}svg line{stroke:var(--line)}
    rect.sent{fill:var(--sent)}rect.retry{fill:var(--retry)}rect.failed{fill:var(--failed)}rect.doubt{fill:var(--doubt)}
    summary{cursor:pointer;color:var(--link)}
    @media print{:root{--back:#fff;--card:#fff;--text:#000;--dim:#333;--line:#999;--sent:#1a7f37;--retry:#9a6700;\
    --failed:#cf222e;--doubt:#8250df}body{max-width:none;padding:0;font-size:10pt}
    .scroll{overflow:visible}h2,h3{break-after:avoid}tr,figure,dl div{break-inside:avoid}svg{min-width:0}
    rect{print-color-adjust:exact;-webkit-print-color-adjust:exact}details:not([open]){display:none}}

    """
}
