import { readFile } from 'node:fs/promises'
import t from 'tap'

/** The modules that the entry reaches through static imports, with their source. */
async function modulesOf(entry: URL, found = new Map<string, string>()): Promise<Map<string, string>> {
  if (found.has(entry.href)) return found
  const source = await readFile(entry, 'utf8')
  found.set(entry.href, source)
  for (const specifier of importsOf(source)) {
    if (specifier.startsWith('.')) await modulesOf(new URL(specifier, entry), found)
  }
  return found
}

const STATEMENT = /^(?:import|export) (?:\*|\{[^}]*\}|\w+) from ['"]([^'"]+)['"]/gm

const importsOf = (source: string): string[] => [...source.matchAll(STATEMENT)].map(([, specifier]) => specifier!)

t.test('the main entry runs in browsers: no module and no global of Node', async t => {
  const modules = await modulesOf(new URL('./index.js', import.meta.url))
  t.ok(modules.size > 20, 'the walk found the modules')
  for (const [href, source] of modules) {
    const name = href.slice(href.lastIndexOf('/dist/') + 6)
    const foreign = importsOf(source).filter(
      specifier => !specifier.startsWith('.') && specifier !== '@fleetwire/protocol',
    )
    t.same(foreign, [], `${name}: imports`)
    const code = source.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '')
    t.notMatch(code, /\b(Buffer|process|require|__dirname|setImmediate|NodeJS)\b[.([]/, `${name}: globals`)
  }
})
