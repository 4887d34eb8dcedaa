"""The page's style sheet: light and dark by the reader's own setting, narrow and wide screens, and print.

It loads nothing. A backslash ends a line of this file, and not of the style sheet.
"""

from __future__ import annotations

STYLE = """
:root{color-scheme:light dark;--ink:#1b2430;--soft:#566173;--paper:#ffffff;--panel:#f4f6f9;--line:#cfd6df;\
--link:#0b57b0;
--load:#2f6fd6;--worst:#9dbdf2;--over:#d4351c;--range:#1b2430;--good:#d5efdd;--bad:#f8d3cd;--warn:#fbe8bd;\
--odd:#e3e0f3;--choke:#c62f17;
--home:#e2efe6;--abroad:#fbe9d3;--green:#4f9d69;--atom:#8f6fc4;--mix:#b9c4d2;--kept:#e0b341;\
--compute:#8fb4ef;--network:#b9c4d2;--storage:#e4c583}
@media screen and (prefers-color-scheme:dark){:root{--ink:#e6eaf0;--soft:#a3aebd;--paper:#11161d;\
--panel:#1a212b;--line:#3b4655;--link:#85b6f7;
--load:#5b92ec;--worst:#2c4675;--over:#ef6a52;--range:#e6eaf0;--good:#1d4630;--bad:#662a20;--warn:#574413;\
--odd:#39345c;--choke:#ff8068;
--home:#1d3627;--abroad:#46331b;--green:#3f8256;--atom:#7a5bb0;--mix:#566377;--kept:#a8842a;\
--compute:#33598f;--network:#465263;--storage:#69521f}}
*{box-sizing:border-box}
html{scroll-padding-top:8px}
body{margin:0;background:var(--paper);color:var(--ink);\
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
main,header,footer{max-width:1080px;margin:0 auto;padding:0 16px}
h1{font-size:1.7rem;line-height:1.2;margin:1.2rem 0 .3rem;overflow-wrap:anywhere}h2{font-size:1.3rem;\
margin:2.2rem 0 .5rem;padding-top:.6rem;
border-top:1px solid var(--line)}h3{font-size:1.05rem;margin:1.4rem 0 .4rem}h4{font-size:.95rem;\
margin:1rem 0 .3rem;color:var(--soft)}
p,ul{margin:.4rem 0}a{color:var(--link)}code,.code{font-family:ui-monospace,"DejaVu Sans Mono",monospace;\
font-size:.86em;overflow-wrap:anywhere}
.notice{border-left:4px solid var(--load);background:var(--panel);padding:.5rem .8rem;margin:.6rem 0}
.soft{color:var(--soft)}nav ul{columns:2 220px;padding-left:1.2rem}
.keys{display:grid;grid-template-columns:repeat(auto-fill,minmax(210px,1fr));gap:10px;margin:1rem 0}
.keys>details,.keys>div{background:var(--panel);border:1px solid var(--line);border-radius:6px;\
padding:.5rem .7rem}
.keys summary{list-style-position:outside;margin-left:1rem}.keys b{display:block;font-size:1.12rem;\
overflow-wrap:anywhere}.keys .soft{font-size:.85rem}
.scroll{overflow-x:auto;margin:.6rem 0}.picture{background:var(--paper);border:1px solid var(--line);\
border-radius:6px;padding:6px}
.picture svg{display:block;max-width:none;height:auto;min-width:760px;width:100%}
.bars svg{min-width:520px;max-width:760px}
svg text{font:12px system-ui,"DejaVu Sans",sans-serif;fill:var(--ink)}svg .strong{font-weight:600;\
font-size:13px}svg tspan.strong{font-size:12px}svg .small{font-size:11.5px}
svg .tiny{font-size:11px}svg .halo{paint-order:stroke;stroke:var(--paper);stroke-width:3px}
svg .frame{fill:none;stroke:var(--soft)}svg .load{fill:var(--load)}svg .worst{fill:var(--worst)}\
svg .over{fill:var(--over)}
svg .range{fill:none;stroke:var(--range);stroke-width:1.5}svg .home{fill:var(--home);stroke:var(--soft)}\
svg .abroad{fill:var(--abroad);stroke:var(--soft)}
svg .node{fill:var(--panel);stroke:var(--soft)}svg .node.choke{fill:var(--bad);stroke:var(--choke);\
stroke-width:1.4}svg .unknown{fill:var(--odd)}
svg .edge{fill:none;stroke:var(--line);stroke-width:1}svg .edge.choke{stroke:var(--choke);\
stroke-opacity:.5;stroke-width:1.2}
svg .rack-compute{fill:var(--compute)}svg .rack-network{fill:var(--network)}\
svg .rack-storage{fill:var(--storage)}
svg .flow{fill:none;stroke:var(--soft);stroke-width:1.4}\
svg .flow.gateway,svg .flow.backup,svg .flow.zone{stroke:var(--load);stroke-width:2}
svg .flow.control,svg .flow.law,svg .flow.key{stroke:var(--choke)}svg .flow.copy{stroke-dasharray:5 4}\
svg .end{fill:var(--soft)}
svg .end.gateway,svg .end.backup,svg .end.zone{fill:var(--load)}\
svg .end.control,svg .end.law,svg .end.key{fill:var(--choke)}
svg .state-runs{fill:var(--good)}svg .state-stops{fill:var(--bad)}\
svg .state-shrinks,svg .state-ages,svg .state-part{fill:var(--warn)}svg .state-undecided{fill:var(--odd)}
.hour-renewable{fill:var(--green);background:var(--green)}.hour-nuclear{fill:var(--atom);\
background:var(--atom)}.hour-other{fill:var(--mix);background:var(--mix)}
.hour-store{fill:var(--kept);background:var(--kept)}.hour-short{fill:var(--over);background:var(--over)}\
svg .hour-mark{stroke:var(--over);stroke-width:2}
.swatch{display:inline-block;width:.9em;height:.9em;border:1px solid var(--soft);vertical-align:-.1em}
.plan-picture text{fill:var(--ink)}.plan-picture .h{font-weight:600;font-size:15px}\
.plan-picture .s{font-size:10.5px;fill:var(--soft)}
.plan-picture .r{fill:none;stroke:var(--soft)}.plan-picture .w{fill:var(--network);stroke:var(--soft)}\
.plan-picture .l{stroke:var(--soft);stroke-width:.6}
.plan-picture .b{fill:var(--paper)}
table{border-collapse:collapse;width:100%;font-size:.9rem;margin:.4rem 0}th,td{text-align:left;\
vertical-align:top;padding:.3rem .5rem;
border-bottom:1px solid var(--line);overflow-wrap:break-word}th{color:var(--soft);font-weight:600}\
td.n{text-align:right;white-space:nowrap}
.number{border-bottom:1px solid var(--line);padding:.15rem 0}.number>summary{display:grid;\
grid-template-columns:minmax(0,5fr) minmax(0,6fr);gap:4px 12px;
cursor:pointer}.number>summary::before{content:"+";position:absolute;margin-left:-.9rem;color:var(--soft)}\
.number[open]>summary::before{content:"\\2212"}
.numbers{padding-left:.9rem}.number .code{overflow-wrap:anywhere}.number dl,.why dl{margin:.3rem 0 .6rem;\
padding:.5rem .7rem;background:var(--panel);font-size:.88rem}
dt{font-weight:600}dd{margin:0 0 .35rem;overflow-wrap:anywhere}summary{cursor:pointer}
.mark{display:inline-block;border-radius:4px;padding:0 .4em;font-size:.85em;border:1px solid var(--line)}
.good{background:var(--good)}.bad{background:var(--bad)}.warn{background:var(--warn)}\
.odd{background:var(--odd)}
.source{counter-reset:line;background:var(--panel);padding:.6rem 0;overflow-x:auto;\
font:12.5px/1.5 ui-monospace,"DejaVu Sans Mono",monospace}
.source div{white-space:pre-wrap;overflow-wrap:anywhere;padding-left:3.6rem;text-indent:-3rem}\
.source div::before{content:attr(data-n);
display:inline-block;width:2.4rem;margin-right:.6rem;text-align:right;text-indent:0;color:var(--soft)}\
.source div:target,:target>summary{background:var(--warn)}
.whole,.mark{white-space:nowrap}.why summary b{margin-left:.4em}.keys summary b{margin-left:0}\
footer{margin:3rem auto 2rem;color:var(--soft);font-size:.9rem}
@media(max-width:640px){body{font-size:15px}.number>summary{grid-template-columns:1fr}\
table.wide thead{display:none}
table.wide,table.wide tbody,table.wide tr,table.wide td{display:block;width:100%}\
table.wide tr{border-bottom:1px solid var(--line);padding:.4rem 0}
table.wide td{border:0;padding:.1rem 0;text-align:left;white-space:normal}\
table.wide td::before{content:attr(data-head) ": ";color:var(--soft)}
table.wide td:empty{display:none}.picture svg,.bars svg{width:auto;min-width:0;max-width:none}
table.wide td>details{display:inline-block;vertical-align:top;max-width:100%}\
.picture::before{content:"The picture is wider than the screen: move it sideways.";color:var(--soft);\
font-size:.8rem}}
@media print{:root{color-scheme:light}td,dd,li,p{overflow-wrap:anywhere}\
th,td:first-child{overflow-wrap:normal}table{font-size:.85em}body{font-size:10.5pt}\
main,header,footer{max-width:none}nav{display:none}.scroll{overflow:visible}
.picture svg{min-width:0;max-width:100%}h2,h3{break-after:avoid}.picture,tr,.keys>*{break-inside:avoid}\
a{color:inherit;text-decoration:none}}
"""
"""One style sheet, inline."""
