import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { test } from 'tap'

const folder = fileURLToPath(new URL('../../dashboard/assets/', import.meta.url))
const files = readdirSync(folder)

const chunk = (name: string): string => {
  const found = files.find(file => file.startsWith(`${name}-`) && file.endsWith('.js'))
  if (found === undefined) throw new Error(`no chunk of the build is named ${name}`)
  return found
}

/** A chunk with all the chunks that it imports. */
function withImports(file: string, seen = new Set<string>()): Set<string> {
  if (seen.has(file)) return seen
  seen.add(file)
  const code = readFileSync(folder + file, 'utf8')
  for (const [, imported] of code.matchAll(/(?:from|import)\s*["']\.\/([\w.-]+\.js)["']/g)) withImports(imported!, seen)
  return seen
}

const kB = (chunks: Iterable<string>): number =>
  [...chunks].reduce((sum, file) => sum + gzipSync(readFileSync(folder + file)).length, 0) / 1000

const entry = /src="\.\/assets\/(index-[\w.-]+\.js)"/.exec(
  readFileSync(new URL('../../dashboard/index.html', import.meta.url), 'utf8'),
)![1]!
const firstLoad = new Set([...withImports(entry), ...withImports(chunk('fleet-screen'))])
const beside = (name: string) => [...withImports(chunk(name))].filter(file => !firstLoad.has(file))

test('what a browser loads stays within its budget (gzip)', t => {
  t.ok(kB(firstLoad) <= 260, `the fleet on a first load: ${Math.round(kB(firstLoad))} of 260 kB`)
  for (const [name, most] of [
    ['terminal-view', 130],
    ['conversation-tab', 90],
  ] as const) {
    t.ok(kB(beside(name)) <= most, `${name}: ${Math.round(kB(beside(name)))} of ${most} kB`)
  }
  t.end()
})

test('the build contains nothing that the content security policy refuses', t => {
  for (const file of files.filter(name => name.endsWith('.css'))) {
    const css = readFileSync(folder + file, 'utf8')
    t.notOk(/url\(\s*["']?data:(?!image)/.test(css), `${file} embeds no fonts`)
    t.notOk(/@import|url\(\s*["']?(https?:)?\/\//.test(css), `${file} loads nothing from another origin`)
  }
  const html = readFileSync(new URL('../../dashboard/index.html', import.meta.url), 'utf8')
  t.notMatch(html, /<style|<script(?![^>]*src=)|\sstyle=|\son\w+=/, 'index.html has nothing inline')
  t.end()
})
