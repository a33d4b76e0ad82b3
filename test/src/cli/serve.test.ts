import { readFileSync } from 'node:fs'
import { test } from 'tap'
import { emptyFolder } from '../../helpers/cli.ts'
import { adminToken, fleetwire, freePort } from '../../helpers/processes.ts'

test('serve shows an admin token once; users who can read its data folder need none', async t => {
  const cwd = await emptyFolder(t)
  const serve = () => fleetwire(t, ['serve', '--port', '0'], {}, cwd)
  const first = serve()
  const [, url = ''] = await first.printed(/Fleetwire listens at (http:\S+)/)
  const token = await adminToken(first)
  t.match(await fleetwire(t, ['ps', '--json'], { FLEETWIRE_URL: url, FLEETWIRE_TOKEN: token }).ended, { code: 0 })
  t.match(await fleetwire(t, ['ps', '--json'], { FLEETWIRE_URL: url }, cwd).ended, { code: 0 })
  first.child.kill('SIGTERM')
  t.match(await first.ended, { code: 0 })

  const second = serve()
  await second.printed(/listens at/)
  second.child.kill('SIGINT')
  t.notMatch((await second.ended).stdout, /FLEETWIRE_TOKEN/)
})

test('serve says in one line why it cannot start', async t => {
  const cwd = await emptyFolder(t)
  const port = String(await freePort())
  const running = fleetwire(t, ['serve', '--port', port], {}, cwd)
  await running.printed(/listens at/)
  const line = (told: string) => new RegExp(`^fleetwire: ${told}.*\\n$`)
  t.match(await fleetwire(t, ['serve', '--port', '0'], {}, cwd).ended, { code: 1, stderr: line('The data folder') })
  t.match(await fleetwire(t, ['serve', '--port', port, '--data-dir', 'other'], {}, cwd).ended, {
    code: 1,
    stderr: line('listen EADDRINUSE'),
  })
  t.match(await fleetwire(t, ['serve'], { FLEETWIRE_LEASE_MS: 'soon' }, cwd).ended, {
    code: 1,
    stderr: line('Configuration: FLEETWIRE_LEASE_MS'),
  })
})

test('the local agent ends with its server, even if that is killed with -9', async t => {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    const server = fleetwire(t, ['serve', '--port', '0', '--local-agent'], {}, await emptyFolder(t))
    const [, url = ''] = await server.printed(/listens at (http:\S+)/)
    const token = await adminToken(server)
    await server.printed(/agent "local" is connected/)
    const env = { FLEETWIRE_URL: url, FLEETWIRE_TOKEN: token }
    const sent = fleetwire(t, ['send', 'local', '--wait', 'echo pid $$; exec sleep 600'], env)
    const [, pid = ''] = await sent.printed(/pid (\d+)/)
    server.child.kill(signal)
    // The agent writes to the server's stderr, so this resolves when both have ended.
    const { stderr } = await server.ended
    t.notOk(isRunning(Number(pid)), `${signal}: what it ran has ended too`)
    t.notMatch(stderr, /trying again/)
    await sent.kill('SIGKILL')
  }
})

test('FLEETWIRE_LOCAL_AGENT=false leaves the local agent out', async t => {
  const env = { FLEETWIRE_LOCAL_AGENT: 'false' }
  const server = fleetwire(t, ['serve', '--port', '0', '--local-agent'], env, await emptyFolder(t))
  await server.printed(/FLEETWIRE_TOKEN=/)
  server.child.kill('SIGTERM')
  t.notMatch((await server.ended).stdout, /The agent "local"/)
})

/** On Linux a process that ended and that nobody waited for can still be signalled. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return process.platform !== 'linux' || !/^\d+ \(.*\) Z /s.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))
  } catch {
    return false
  }
}
