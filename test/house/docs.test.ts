import { posix } from 'node:path'
import {
  closeCodes,
  decodeAgentFrame,
  decodeAgentServerFrame,
  decodeClientFrame,
  decodeServerFrame,
  errorCodes,
} from '@fleetwire/protocol'
import t from 'tap'
import { ConfigSchema } from '../../src/config-schema.ts'
import * as faults from '../../src/errors.ts'
import { files, isTest, read, sources, tableRows, unquoted } from './repository.ts'

t.test('[ER1] docs/errors.md lists every error code as the code defines it, and no others', async t => {
  const told = tableRows(read('docs/errors.md')).filter(([code]) => !code!.includes('FLW_ERR_'))
  const rows = told.map(([code, status, retryable, meaning]) => [unquoted(code), status, retryable, meaning])
  const expected = Object.entries(errorCodes).map(([code, { status, retryable, meaning }]) => {
    return [code, String(status), retryable ? 'yes' : 'no', meaning]
  })
  t.same(rows, expected)
})

t.test('docs/errors.md lists every fault, and no others', async t => {
  const told = tableRows(read('docs/errors.md'))
    .map(([code]) => unquoted(code))
    .filter(code => code.startsWith('FLW_ERR_'))
  t.same(told.sort(), Object.keys(faults).sort())
  const codes = Object.entries(faults).map(([name, Fault]) => [name, new Fault().code])
  t.same(
    codes.filter(([name, code]) => code !== name),
    [],
    'the code of a fault is its name',
  )
})

t.test('[CL1] docs/close-codes.md lists every close code as the code defines it, and no others', async t => {
  const rows = tableRows(read('docs/close-codes.md')).map(([code, ...rest]) => [unquoted(code), ...rest])
  const expected = Object.entries(closeCodes).map(([code, { name, action, meaning }]) => [code, name, action, meaning])
  t.same(rows, expected)
})

t.test('[CF1] docs/configuration.md lists every setting with its default, and no others', async t => {
  const rows = tableRows(read('docs/configuration.md')).map(([name, value]) => [unquoted(name), unquoted(value)])
  const settings = Object.entries(ConfigSchema.properties as Record<string, { default?: unknown }>)
  const expected = settings.map(([name, schema]) => [`FLEETWIRE_${name}`, shown(schema.default)])
  t.same(Object.fromEntries(rows), Object.fromEntries(expected))
  t.equal(rows.length, settings.length, 'no setting is listed twice')
})

const shown = (value: unknown) => (value === undefined ? 'none' : value === '' ? 'empty' : String(value))

/** The modules that a file passes to `register`, in order. Modules in `via` register further modules. */
function registeredBy(file: string, via: string[] = []): string[] {
  const text = read(file)
  const imported = new Map(
    [...text.matchAll(/^import (\w+).* from '(\.[^']+)'/gm)].map(([, name, path]) => [name, path!]),
  )
  return [...text.matchAll(/\.register\((\w+)/g)].flatMap(([, name]) => {
    const path = imported.get(name)
    if (path === undefined) return []
    const module = posix.join(posix.dirname(file), path)
    return via.includes(module) ? [module, ...registeredBy(module)] : [module]
  })
}
const registered = registeredBy('src/app.ts', ['routes/api/v1/index.ts', 'routes/ag-ui/index.ts'])

t.test('plugins/README.md lists the plugins of app.ts in order with their dependencies, and no others', async t => {
  const names = (text = '', prefix = '') =>
    [...text.matchAll(new RegExp(`[\`']${prefix}([\\w-]+)[\`']`, 'g'))].map(([, name]) => name).sort()
  const told = tableRows(read('plugins/README.md')).map(([name, , dependencies]) => [
    unquoted(name),
    names(dependencies),
  ])
  const plugins = registered
    .filter(file => file.startsWith('plugins/'))
    .map(file => {
      const dependencies = /dependencies: \[([^\]]*)\]/.exec(read(file))?.[1]
      return [posix.basename(file, '.ts'), names(dependencies, 'fleetwire-')]
    })
  t.same(told, plugins)
  const all = files.filter(file => /^plugins\/.*\.ts$/.test(file))
  t.same(registered.filter(file => file.startsWith('plugins/')).toSorted(), all, 'each is registered exactly once')
})

t.test('routes/README.md lists the scopes of app.ts in order, and no others', async t => {
  const told = tableRows(read('routes/README.md')).map(([scope]) => unquoted(scope))
  const scopes = registered.filter(file => file.startsWith('routes/'))
  t.same(
    told,
    scopes.map(file => file.slice('routes/'.length).replace(/\/index\.ts$/, '')),
  )
  const all = files.filter(file => /^routes\/.*\.ts$/.test(file) && read(file).includes('export default'))
  t.same(scopes.toSorted(), all, 'each is registered exactly once')
})

const spec = read('packages/protocol/SPEC.md')
const rules = [...spec.matchAll(/^- \*\*([A-Z]{2}\d+)\*\* (.*)$/gm)].map(([, id, text]) => ({ id: id!, text: text! }))

t.test('every rule of SPEC.md is one sentence with a unique id', async t => {
  t.ok(rules.length > 200, `${rules.length} rules`)
  t.equal(rules.length, [...spec.matchAll(/^- /gm)].length, 'every list item is a rule')
  const ids = rules.map(({ id }) => id)
  t.same(ids, [...new Set(ids)], 'no id occurs twice')
  t.same(
    rules.filter(({ text }) => !/^\S.*\.$/.test(text)),
    [],
    'each is a sentence',
  )
  const areas = [...spec.matchAll(/^## ([A-Z]{2}) /gm)].map(([, area]) => area)
  t.same(areas, [...new Set(ids.map(id => id.slice(0, 2)))], 'the rules of an area follow its heading')
  for (const area of areas) {
    const numbers = ids.filter(id => id.startsWith(area!)).map(id => Number(id.slice(2)))
    t.same(
      numbers,
      numbers.map((_, i) => i + 1),
      `the rules of ${area} are numbered from 1`,
    )
  }
})

t.test('every rule of SPEC.md is named by a test, and tests name only rules of SPEC.md', async t => {
  const known = new Set(rules.map(({ id }) => id))
  const named = files
    .filter(file => isTest(file) && file.endsWith('.ts'))
    .flatMap(file => [...read(file).matchAll(/\[([A-Z]{2}\d+)\]/g)].map(([, id]) => ({ id: id!, file })))
  t.same(
    named.filter(({ id }) => !known.has(id)),
    [],
  )
  const proved = new Set(named.map(({ id }) => id))
  t.same(
    [...known].filter(id => !proved.has(id)),
    [],
    'every rule is proved by a test',
  )
})

const pages = files.filter(path => path.endsWith('.md'))

t.test('every link in a page has an existing target', async t => {
  const anchors = (page: string) =>
    [...read(page).matchAll(/^#+ (.*)$/gm)].map(([, title]) =>
      title!
        .toLowerCase()
        .replace(/[^\w\s-]/g, '')
        .replaceAll(' ', '-'),
    )
  const broken: string[] = []
  for (const page of pages) {
    const text = read(page).replaceAll(/^```[\s\S]*?^```/gm, '')
    for (const [, link] of text.matchAll(/\]\(([^)\s]+)\)|src="([^"]+)"/g)) {
      if (link === undefined || /^https?:/.test(link)) continue
      const [path = '', anchor] = link.split('#')
      const target = path === '' ? page : posix.join(posix.dirname(page), path)
      const isThere = files.some(file => file === target || file.startsWith(`${target.replace(/\/$/, '')}/`))
      const hasAnchor = !isThere || anchor === undefined || !target.endsWith('.md') || anchors(target).includes(anchor)
      if (!isThere || !hasAnchor) broken.push(`${page}: ${link}`)
    }
  }
  t.same(broken, [])
})

t.test('every file that a page names exists', async t => {
  const paths = /`((?:src|test|plugins|routes|packages|docs|bin|bench|examples|\.ci)\/[\w./*-]+)`/g
  const absent = pages.flatMap(page =>
    [...read(page).matchAll(paths)]
      .filter(([, path]) => !files.some(file => file.startsWith(path!.split('*')[0]!)))
      .map(([, path]) => `${page}: ${path}`),
  )
  t.same(absent, [])
})

t.test('every frame shown in a page is valid', async t => {
  for (const page of pages.filter(path => path.startsWith('docs/'))) {
    const ofAgent = page === 'docs/agents.md'
    const [fromPeer, fromServer] = ofAgent
      ? [decodeAgentFrame, decodeAgentServerFrame]
      : [decodeClientFrame, decodeServerFrame]
    for (const [, direction, frame] of read(page).matchAll(/^(→|←) (\{.*)$/gm)) {
      const decoded = (direction === '→' ? fromPeer : fromServer)(frame!)
      t.ok(decoded.ok, `${page}: ${frame!.slice(0, 60)}`, { decoded })
    }
  }
})

t.test('docs/README.md has a row for every page in docs', async t => {
  const rows = [...read('docs/README.md').matchAll(/^\| \[.*\]\(([\w-]+\.md)\)/gm)].map(([, page]) => `docs/${page}`)
  t.same(rows.toSorted(), pages.filter(path => path.startsWith('docs/') && path !== 'docs/README.md').toSorted())
})

t.test(
  'docs/troubleshooting.md quotes messages exactly, and covers every close code that indicates a problem',
  async t => {
    const page = read('docs/troubleshooting.md')
    const told = new Set([...page.matchAll(/^\| (\d{4}) /gm)].map(([, code]) => code))
    for (const [code, { action }] of Object.entries(closeCodes))
      if (action !== 'stop' || Number(code) >= 4000) t.ok(told.has(code) || code === '1001', `close code ${code}`)
    // Messages of Node, npm or the shell may change without notice.
    const ofOthers = /^listen E/
    const spoken = [...sources, 'bin/fleetwire'].map(file => read(file)).join('\n')
    const cells = [...page.matchAll(/^\| (.*?) \|/gm)].map(([, cell]) => cell!)
    const quoted = cells
      .flatMap(cell => [...cell.matchAll(/`([^`]+)`/g)].map(([, text]) => text!))
      .filter(text => text.split(' ').length >= 3 && !ofOthers.test(text))
    t.ok(quoted.length > 20, `${quoted.length} messages`)
    for (const text of quoted)
      for (const part of text.split('…')) t.ok(spoken.includes(part.trim().replace(/^"|"$/g, '')), text)
  },
)
