/** Style of every page; served as its own file, so no inline style is needed. */
export const STYLE =
  `:root{color-scheme:light dark;--bg:#f6f7f9;--card:#fff;--text:#1b1f27;--soft:#59616f;--line:#e1e4ea;--hover:#f3f5f8;--accent:#3b5bdb;--on-accent:#fff;--ok:#17693a;--ok-bg:#dcf5e5;--bad:#a5232a;--bad-bg:#fde4e4;--run:#1d4fa8;--run-bg:#e0ebfd;--warn:#7d4e00;--warn-bg:#fdeecb;--idle:#4a5260;--idle-bg:#e9ebf0;--mono:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
@media (prefers-color-scheme:dark){:root{--bg:#101318;--card:#181c23;--text:#e7eaf0;--soft:#9aa3b2;--line:#2a303b;--hover:#1e232c;--accent:#93abff;--on-accent:#10131a;--ok:#7fdba0;--ok-bg:#153322;--bad:#ff9d9d;--bad-bg:#401c20;--run:#9cc2ff;--run-bg:#182f52;--warn:#f3c66b;--warn-bg:#3b2d10;--idle:#b3bbc8;--idle-bg:#292f39}}
*{box-sizing:border-box}
html{scroll-padding-top:4.5rem}
body{margin:0;background:var(--bg);color:var(--text);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
a{color:var(--accent);text-decoration:none}
a:hover{text-decoration:underline}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px;border-radius:4px}
h1,h2{margin:0;line-height:1.25}
h1{font-size:1.35rem;overflow-wrap:anywhere}
h2{font-size:1.05rem}
code,pre,.mono{font-family:var(--mono);font-size:.86em}
.skip{position:absolute;left:-99rem}
.skip:focus{left:1rem;top:.6rem;z-index:9;background:var(--card);padding:.4rem .8rem}
.top{position:sticky;top:0;z-index:5;background:var(--card);border-bottom:1px solid var(--line)}
.bar{max-width:1240px;margin:auto;padding:.6rem 1.25rem;display:flex;align-items:center;gap:1rem}
.brand{font-weight:700;font-size:1.1rem;color:var(--text);letter-spacing:-.02em}
.chip{border:1px solid var(--line);border-radius:99px;padding:.05rem .65rem;font-size:.82rem;color:var(--soft);white-space:nowrap}
.nav{display:flex;gap:1.1rem;margin:0 auto 0 .5rem;overflow-x:auto}
.nav a{color:var(--soft);font-size:.92rem;white-space:nowrap;padding:.2rem 0}
.nav a:hover{color:var(--text)}
main{max-width:1240px;margin:auto;padding:1.25rem;display:grid;grid-template-columns:minmax(0,1fr);gap:1.25rem}
main>[data-fragment]{display:grid;grid-template-columns:minmax(0,1fr);gap:1.25rem}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(130px,1fr));gap:.75rem;margin:0}
.tiles div,.card{background:var(--card);border:1px solid var(--line);border-radius:10px}
.tiles div{padding:.7rem 1rem;display:flex;flex-direction:column-reverse}
.tiles dt{color:var(--soft);font-size:.8rem}
.tiles dd{margin:0;font-size:1.55rem;font-weight:650;font-variant-numeric:tabular-nums;line-height:1.2}
.tiles .alarm dd{color:var(--bad)}
.pair{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:1.25rem;align-items:start}
.head{display:flex;flex-wrap:wrap;align-items:center;gap:.5rem 1rem;padding:.85rem 1.1rem;border-bottom:1px solid var(--line)}
.head .grow{flex:1}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%}
th{text-align:left;font-weight:500;font-size:.78rem;color:var(--soft);padding:.5rem .55rem;white-space:nowrap}
td{padding:.5rem .55rem;border-top:1px solid var(--line);vertical-align:middle}
th:first-child,td:first-child{padding-left:1.1rem}
th:last-child,td:last-child{padding-right:1.1rem}
tbody tr:hover{background:var(--hover)}
td.num,th.num{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
td .sub{display:block;color:var(--soft);font-size:.8rem;overflow-wrap:anywhere}
td.name{min-width:11rem;overflow-wrap:anywhere}
td.name a{font-weight:550}
time,.tight,td code{white-space:nowrap}
.faint,.soft{color:var(--soft)}
.badge{display:inline-flex;align-items:center;gap:.35rem;border-radius:99px;padding:.08rem .6rem;font-size:.8rem;font-weight:550;background:var(--idle-bg);color:var(--idle);white-space:nowrap}
.badge::before{content:"";width:.45rem;height:.45rem;border-radius:50%;background:currentColor}
.badge[data-state=success],.badge[data-state=online],.badge[data-state=completed],.badge[data-state=on]{background:var(--ok-bg);color:var(--ok)}
.badge[data-state=failure],.badge[data-state=failed],.badge[data-state=rejected],.badge[data-state=timeout]{background:var(--bad-bg);color:var(--bad)}
.badge[data-state=started],.badge[data-state=dispatched],.badge[data-state=acknowledged]{background:var(--run-bg);color:var(--run)}
.badge[data-state=retry],.badge[data-state=revoked],.badge[data-state=cancelled]{background:var(--warn-bg);color:var(--warn)}
.states{display:flex;flex-wrap:wrap;gap:.4rem;padding:0 1.1rem .45rem}
.states a{border:1px solid var(--line);border-radius:99px;padding:.1rem .7rem;font-size:.85rem;color:var(--soft)}
.states a[aria-current]{border-color:var(--accent);color:var(--accent);font-weight:600}
.states b{font-variant-numeric:tabular-nums;font-weight:600}
form{margin:0}
.filters{display:flex;flex-wrap:wrap;gap:.5rem;padding:.75rem 1.1rem}
.filters input{min-width:0;flex:1 1 6rem}
.filters input.grow{flex:3 1 18rem}
input,button,.button{font:inherit;font-size:.9rem;border:1px solid var(--line);border-radius:7px;padding:.32rem .7rem;background:var(--card);color:var(--text)}
input::placeholder{color:var(--soft);opacity:1}
button,.button{cursor:pointer;white-space:nowrap;display:inline-block}
button:hover,.button:hover{background:var(--hover);text-decoration:none}
button.main{background:var(--accent);border-color:var(--accent);color:var(--on-accent);font-weight:600}
button.danger{color:var(--bad)}
.row{display:flex;gap:.4rem;flex-wrap:wrap;align-items:center}
.row.end{justify-content:flex-end}
.row.keep{flex-wrap:nowrap}
.narrow h1{margin-bottom:.4rem}
.more{display:flex;justify-content:space-between;padding:.7rem 1.1rem;border-top:1px solid var(--line);font-size:.88rem;color:var(--soft)}
.empty{margin:0;padding:1.3rem 1.1rem;color:var(--soft);max-width:72ch}
.empty b{color:var(--text);display:block;margin-bottom:.2rem}
.live{display:inline-flex;align-items:center;gap:.4rem;font-size:.82rem;color:var(--soft);border-radius:99px}
.live::before{content:"";width:.5rem;height:.5rem;border-radius:50%;background:var(--soft)}
.live[data-live=on]{color:var(--ok)}
.live[data-live=on]::before{background:var(--ok)}
.live[data-live=lost]{color:var(--bad)}
.live[data-live=lost]::before{background:var(--bad)}
pre{margin:0;padding:.85rem 1.1rem;overflow:auto;max-height:26rem;white-space:pre-wrap;overflow-wrap:anywhere}
pre.bad{color:var(--bad)}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(170px,1fr));gap:.8rem 1.2rem;padding:1rem 1.1rem;margin:0}
.facts dt{font-size:.78rem;color:var(--soft)}
.facts dd{margin:0;overflow-wrap:anywhere}
.timeline{list-style:none;margin:0;padding:.9rem 1.1rem}
.timeline li{position:relative;padding:0 0 .8rem 1.3rem}
.timeline li::before{content:"";position:absolute;left:.2rem;top:.5rem;width:.5rem;height:.5rem;border-radius:50%;background:var(--accent)}
.timeline li:not(:last-child)::after{content:"";position:absolute;left:.42rem;top:1.1rem;bottom:-.35rem;width:1px;background:var(--line)}
.narrow{max-width:640px;margin:8vh auto;padding:0 1.25rem}
.narrow .card{padding:1.5rem}
.narrow p{margin:.7rem 0}
.narrow pre{border:1px solid var(--line);border-radius:8px;background:var(--bg)}
.mint{border-top:1px solid var(--line);padding:.8rem 1.1rem;display:flex;gap:.5rem;flex-wrap:wrap}
.mint input{flex:1 1 12rem;min-width:0}
@media (max-width:1000px){.pair{grid-template-columns:minmax(0,1fr)}}
@media (max-width:767px){body{font-size:14px}main{padding:.8rem;gap:.8rem}html{scroll-padding-top:6.5rem}.bar{flex-wrap:wrap;padding:.55rem .9rem;gap:.4rem .8rem}.nav{order:9;flex-basis:100%;margin:0}.bar .grow{flex:1}.tiles{grid-template-columns:repeat(3,1fr);gap:.5rem}.tiles div{padding:.5rem .7rem}.tiles dd{font-size:1.2rem}.opt{display:none}td.name{min-width:8rem}}
@media (min-width:768px){.bar .grow{display:none}}
`;
