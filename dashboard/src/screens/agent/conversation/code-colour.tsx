import bash from 'highlight.js/lib/languages/bash'
import css from 'highlight.js/lib/languages/css'
import diff from 'highlight.js/lib/languages/diff'
import go from 'highlight.js/lib/languages/go'
import json from 'highlight.js/lib/languages/json'
import markdown from 'highlight.js/lib/languages/markdown'
import python from 'highlight.js/lib/languages/python'
import rust from 'highlight.js/lib/languages/rust'
import sql from 'highlight.js/lib/languages/sql'
import typescript from 'highlight.js/lib/languages/typescript'
import xml from 'highlight.js/lib/languages/xml'
import yaml from 'highlight.js/lib/languages/yaml'
import { createLowlight } from 'lowlight'
import type { ReactNode } from 'react'

const lowlight = createLowlight({ bash, css, diff, go, json, markdown, python, rust, sql, typescript, xml, yaml })
lowlight.registerAlias({ typescript: ['javascript', 'js', 'jsx', 'mjs', 'cjs'], bash: ['shell', 'console'] })

/** Maps token types of highlight.js to the colours of the page. */
const colours: Record<string, string> = {
  comment: 'text-text3 italic',
  quote: 'text-text3 italic',
  keyword: 'text-accent',
  built_in: 'text-work',
  type: 'text-work',
  title: 'text-work',
  section: 'text-work font-semibold',
  name: 'text-accent',
  tag: 'text-accent',
  string: 'text-ok',
  regexp: 'text-ok',
  addition: 'text-ok',
  deletion: 'text-bad',
  number: 'text-warn',
  literal: 'text-warn',
  attr: 'text-needs',
  attribute: 'text-needs',
  property: 'text-needs',
  variable: 'text-needs',
  meta: 'text-text3',
}

interface Node {
  type: string
  value?: string
  properties?: { className?: unknown }
  children?: readonly unknown[]
}

/** Highlighted code; undefined if the language is unknown. */
export function colour(text: string, language: string): ReactNode | undefined {
  if (!lowlight.registered(language)) return undefined
  return lowlight.highlight(language, text).children.map((node, index) => drawn(node as Node, index))
}

function drawn({ type, value, properties, children }: Node, key: number): ReactNode {
  if (type === 'text') return value
  const names = Array.isArray(properties?.className) ? properties.className.map(String) : []
  const name = names.map(one => one.replace('hljs-', '').replace(/_$/, '')).find(one => one in colours)
  return (
    <span key={key} className={name === undefined ? undefined : colours[name]}>
      {children?.map((child, index) => drawn(child as Node, index))}
    </span>
  )
}
