import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'tap'
import { fleetwire, freePort } from '../helpers/processes.ts'

const LINES = 150

test('send and tail continue when a server was killed with -9: no line is lost or repeated', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'fleetwire-restart-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const port = String(await freePort())
  const env = { FLEETWIRE_URL: `http://127.0.0.1:${port}`, FLEETWIRE_DATA_DIR: join(folder, 'data') }
  const serve = async () => {
    const server = fleetwire(t, ['serve', '--port', port], env, folder)
    await server.printed(new RegExp(`:${port}`))
    return server
  }
  const first = await serve()
  const agent = fleetwire(t, ['agent', 'exec', '--id', 'a1', '--journal', join(folder, 'journal')], env, folder)
  await agent.printed(/is connected/)
  const tail = fleetwire(t, ['tail', 'agents.a1.commands.*'], env, folder)
  await tail.printed(/following/)
  const line = `for i in $(seq ${LINES}); do echo line $i; sleep 0.03; done; exit 7`
  const sent = fleetwire(t, ['send', 'a1', '--wait', line], env, folder)
  await sent.printed(/line 20\n/)
  await first.kill('SIGKILL')
  await sent.printed(/trying again/)
  await serve()
  const { code, stdout, stderr } = await sent.ended
  const lines = Array.from({ length: LINES }, (_, i) => `line ${i + 1}`)
  t.same(stdout.trimEnd().split('\n'), lines, stderr)
  t.equal(code, 7)
  await tail.printed(/command:failed/)
  tail.child.kill('SIGINT')
  const told = (await tail.ended).stdout.split('\n')
  t.same(
    told.filter(text => text.startsWith('a1 | ')),
    lines.map(text => `a1 | ${text}`),
  )
  for (const type of ['queued', 'running', 'failed'])
    t.equal(told.filter(text => text.includes(`command:${type} `)).length, 1, `command:${type} once`)
})
