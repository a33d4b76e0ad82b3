import { createHash } from 'node:crypto'
import { pageHeaders } from './page-headers.ts'

/** Inline, without other files or scripts: one response is the whole page, which is readable from 320 px up. */
export const pageStyle = `
:root{color-scheme:light dark;--line:#8884;--dim:light-dark(#555,#aaa);--link:light-dark(#0550ae,#6cb6ff)}
*{box-sizing:border-box}
html{scroll-padding-top:1rem}
body{margin:0 auto;max-width:62rem;padding:0 1rem 4rem;font:1rem/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
a{color:var(--link)}
h2{margin:3rem 0 .5rem;padding-top:.5rem;border-top:2px solid}
h3{margin:0 0 .25rem;font-size:1.05rem}
h3 a{color:inherit;text-decoration:none}
code,pre{font:.9em/1.45 ui-monospace,monospace}
pre{margin:.75rem 0 0;padding:.6rem .75rem;border:1px solid var(--line);border-radius:.4rem;white-space:pre-wrap}
p{margin:.25rem 0}
.dim{color:var(--dim)}
article{margin:1.25rem 0;padding:.9rem 1rem;border:1px solid var(--line);border-radius:.6rem}
article:target{outline:2px solid var(--link)}
.fields{margin:.6rem 0 0;padding:0;list-style:none}
.fields .fields{margin:.25rem 0 0;padding-left:.9rem;border-left:2px solid var(--line)}
.fields li{padding:.2rem 0}
nav p,summary{padding:.3rem 0;font-weight:600}
nav p{padding-left:1.1rem}
nav ul{columns:11rem;padding-left:1.1rem;margin:0 0 .5rem}
nav li{break-inside:avoid}
dt{margin-top:.6rem;font-weight:600}
dd{margin:0}
`

/** These pages need only this style: no script can run, not even one of this server. */
export const ownPageHeaders = pageHeaders({
  styleSrc: [`'sha256-${createHash('sha256').update(pageStyle).digest('base64')}'`],
})
