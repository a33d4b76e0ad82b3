import { gzipSync } from 'node:zlib'
import { rolldown } from 'rolldown'
import t from 'tap'

const LIMIT_BYTES = 15_000

/** The code that a page loads if it uses these exports: bundled and minified. */
async function bundleOf(names: string): Promise<string> {
  const page = 'virtual:page'
  const bundle = await rolldown({
    input: page,
    platform: 'browser',
    plugins: [
      {
        name: 'page',
        resolveId: id => (id === page ? id : null),
        load: id =>
          id === page ? `export { ${names} } from ${JSON.stringify(import.meta.resolve('./index.js'))}` : null,
      },
      {
        name: 'file urls',
        resolveId: id => (id.startsWith('file:') ? { id: new URL(id).pathname, moduleSideEffects: false } : null),
      },
    ],
  })
  const { output } = await bundle.generate({ minify: true })
  await bundle.close()
  return output.map(chunk => ('code' in chunk ? chunk.code : '')).join('')
}

t.test(
  `the half for dashboards is at most ${LIMIT_BYTES} bytes of gzip, with what messages and terminals need`,
  async t => {
    const code = await bundleOf('DashboardClient, MessageBuffer, TerminalBuffer')
    t.ok(code.includes('dashboard:connect'), 'it is there')
    t.notOk(code.includes('command:dispatch'), 'and nothing of the half for agents')
    t.notOk(/\bnew Function\b|\beval\(/.test(code), 'no code is made of text')
    const bytes = gzipSync(code, { level: 9 }).length
    t.comment(`${bytes} bytes`)
    t.ok(bytes <= LIMIT_BYTES, `${bytes} bytes`)
  },
)
