import { readFileSync } from 'node:fs'
import { test } from 'tap'
import { emptyFolder } from '../../helpers/cli.ts'
import { adminToken, fleetwire } from '../../helpers/processes.ts'
import { some } from '../../helpers/sizes.ts'

test('serve shows an admin token once; users who can read its data folder need none', async t => {
  const cwd = await emptyFolder(t)
  const serve = (...args: string[]) =>
    fleetwire(t, ['serve', '--port', '0', ...args], { FLEETWIRE_LOCAL_AGENT: 'false' }, cwd)
  const first = serve()
  const [, url = ''] = await first.printed(/Fleetwire listens at (http:\S+)/)
  const token = await adminToken(first)
  t.match(await fleetwire(t, ['ps', '--json'], { FLEETWIRE_URL: url, FLEETWIRE_TOKEN: token }).ended, { code: 0 })
  t.match(await fleetwire(t, ['ps', '--json'], { FLEETWIRE_URL: url }, cwd).ended, { code: 0 })

  t.comment('one that cannot start says why in one line')
  const line = (told: string) => new RegExp(`^fleetwire: ${told}.*\\n$`)
  t.match(await serve().ended, { code: 1, stderr: line('The data folder') })
  const { port } = new URL(url)
  t.match(await fleetwire(t, ['serve', '--port', port, '--data-dir', 'other'], {}, cwd).ended, {
    code: 1,
    stderr: line('listen EADDRINUSE'),
  })
  t.match(await fleetwire(t, ['serve'], { FLEETWIRE_LEASE_MS: 'soon' }, cwd).ended, {
    code: 1,
    stderr: line('Configuration: FLEETWIRE_LEASE_MS'),
  })
  first.child.kill('SIGTERM')
  t.match(await first.ended, { code: 0 })

  t.comment('FLEETWIRE_LOCAL_AGENT=false leaves the local agent out')
  const second = serve('--local-agent')
  await second.printed(/listens at/)
  second.child.kill('SIGINT')
  const { stdout } = await second.ended
  t.notMatch(stdout, /FLEETWIRE_TOKEN/)
  t.notMatch(stdout, /The agent "local"/)
})

test('the local agent ends with its server, even if that is killed with -9', async t => {
  for (const signal of some('SERVER_ENDS', 1, ['SIGKILL', 'SIGTERM'] as const)) {
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

/** On Linux a process that ended and that nobody waited for can still be signalled. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return process.platform !== 'linux' || !/^\d+ \(.*\) Z /s.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))
  } catch {
    return false
  }
}
