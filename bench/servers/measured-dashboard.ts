import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Fastify from 'fastify'
import fleetwire from '../../src/index.ts'
import { serveCalls } from '../lib/role.ts'
import type { Measured, Measuring } from '../pages/measure.ts'

/** Fleetwire in an app that adds the measuring script to each page; the pages are otherwise as published. */
const script = readFileSync(new URL('../pages/measure.js', import.meta.url), 'utf8')
const app = Fastify()
const results: Measured[] = []
let waiting: ((result: Measured) => void) | undefined
let measuring: Measuring | undefined

app.get('/bench/measure.js', async (_request, reply) => reply.type('text/javascript').send(script))
app.addContentTypeParser('text/plain', { parseAs: 'string', bodyLimit: 64 * 1024 * 1024 }, (_request, body, done) => {
  done(null, JSON.parse(body as string))
})
app.post('/bench/result', { bodyLimit: 64 * 1024 * 1024 }, async (request, reply) => {
  if (waiting === undefined) results.push(request.body as Measured)
  else waiting(request.body as Measured)
  waiting = undefined
  return reply.code(204).send()
})
app.addHook('onSend', async (_request, reply, payload) => {
  if (!String(reply.getHeader('content-type')).startsWith('text/html') || measuring === undefined) return payload
  const text = JSON.stringify(measuring).replaceAll('&', '&amp;').replaceAll('"', '&quot;')
  return String(payload).replace(
    /<script type="module"/,
    `<meta name="bench" content="${text}"><script type="module" src="/bench/measure.js"></script>$&`,
  )
})

const folder = await mkdtemp(join(tmpdir(), 'fleetwire-bench-'))
const many = 1_000_000_000
await app.register(fleetwire, {
  config: {
    // Off by default at the root of an app, which may have its own pages there.
    DASHBOARD: true,
    ...{ DATA_DIR: folder, REST_RATE: many, FRAME_RATE: many, FRAME_BURST: many, AGENT_FRAME_RATE: many },
    ...{ MAX_CONNECTIONS_PER_PRINCIPAL: 100_000, QUEUE_LIMIT: many },
  } as never,
})

export const measuredDashboard = serveCalls({
  async listen(): Promise<{ url: string; token: string }> {
    const url = await app.listen({ port: 0, host: '127.0.0.1' })
    return { url, token: await mint('admin', 'admin') }
  },
  mint,
  /** Sets what the next opened page measures. */
  prepare(next: Measuring): void {
    measuring = next
  },
  /** Resolves with the result of a page. */
  result: (): Promise<Measured> =>
    new Promise(resolve => {
      const [ready] = results.splice(0, 1)
      if (ready === undefined) waiting = resolve
      else resolve(ready)
    }),
  async close(): Promise<void> {
    await app.close()
    await rm(folder, { recursive: true })
  },
})

async function mint(sub: string, role: 'admin' | 'agent'): Promise<string> {
  const minted = await app.tokens.mint({ sub, role }, 'bench')
  if (minted.status !== 'minted') throw new Error(minted.status)
  return minted.token
}
