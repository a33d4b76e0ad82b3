import { readFileSync } from 'node:fs'
import { test } from 'tap'
import { emptyFolder } from '../../helpers/cli.ts'
import { fleetwireHere } from '../../helpers/cli-here.ts'
import { adminToken, fleetwire } from '../../helpers/processes.ts'
import { some } from '../../helpers/sizes.ts'

test('serve shows an admin token; users who can read its data folder need none', async t => {
  const cwd = await emptyFolder(t)
  // The environment switches off the agent, whatever the options say, and the link to pages.
  const env = { FLEETWIRE_LOCAL_AGENT: 'false', FLEETWIRE_DASHBOARD: 'false' }
  const first = fleetwire(t, ['serve', '--port', '0', '--local-agent'], env, cwd)
  const [, url = ''] = await first.printed(/Fleetwire listens at (http:\S+)/)
  const token = await adminToken(first)
  const here = (args: string[], env: Record<string, string>) => fleetwireHere(t, args, { env, folder: cwd }).ended
  const elsewhere = `${cwd}/elsewhere`
  const withToken = { FLEETWIRE_URL: url, FLEETWIRE_TOKEN: token, FLEETWIRE_DATA_DIR: elsewhere }
  t.match(await here(['ps', '--json'], withToken), { code: 0 })
  t.match(await fleetwire(t, ['ps', '--json'], { FLEETWIRE_URL: url }, cwd).ended, { code: 0 })

  t.comment('a server that cannot start says why in one line')
  const line = (told: string) => new RegExp(`^fleetwire: ${told}.*\\n$`)
  t.match(await here(['serve', '--port', '0'], {}), { code: 1, stderr: line('The data folder') })
  const { port } = new URL(url)
  t.match(await here(['serve', '--port', port, '--data-dir', `${cwd}/other`], {}), {
    code: 1,
    stderr: line('listen EADDRINUSE'),
  })
  t.match(await here(['serve'], { FLEETWIRE_LEASE_MS: 'soon', FLEETWIRE_DATA_DIR: elsewhere }), {
    code: 1,
    stderr: line('Configuration: FLEETWIRE_LEASE_MS'),
  })
  first.child.kill('SIGTERM')
  const { code, stdout } = await first.ended
  t.equal(code, 0)
  t.notMatch(stdout, /The agent "local"/)
  t.notMatch(stdout, 'login')
})

test('the local agent sees none of the server’s settings, and ends with its server, even if that is killed with -9', async t => {
  for (const signal of some('SERVER_ENDS', 1, ['SIGKILL', 'SIGTERM'] as const)) {
    const cwd = await emptyFolder(t)
    const settings = {
      FLEETWIRE_DATA_DIR: `${cwd}/data`,
      FLEETWIRE_JWT_SECRET: 'a-secret-that-nobody-should-see-at-all',
      FLEETWIRE_NATS_CREDS: '',
    }
    const server = fleetwire(t, ['serve', '--port', '0', '--local-agent'], settings, cwd)
    const [, url = ''] = await server.printed(/listens at (http:\S+)/)
    await server.printed(/agent "local" is connected/)
    const env = { FLEETWIRE_URL: url, ...settings }
    const looks = ['send', 'local', '--wait', 'env; echo its parent:; tr "\\0" "\\n" </proc/$PPID/environ']
    const { stdout } = await fleetwireHere(t, looks, { env, folder: cwd }).ended
    t.match(stdout, /FLEETWIRE_COMMAND_ID=cmd_/)
    t.notMatch(stdout, /JWT_SECRET|nobody-should-see|DATA_DIR/, 'nor does its agent')
    t.notMatch(stdout.split('its parent:')[0], /FLEETWIRE_TOKEN/)

    const sent = fleetwire(t, ['send', 'local', '--wait', 'echo pid $$; exec sleep 600'], env)
    const [, pid = ''] = await sent.printed(/pid (\d+)/)
    server.child.kill(signal)
    // The agent writes to the server's stderr, so this resolves when both have ended.
    const { stderr } = await server.ended
    t.notOk(isRunning(Number(pid)), `${signal}: its command has ended too`)
    t.notMatch(stderr, /trying again/)
    await sent.kill('SIGKILL')
  }
})

/** On Linux a process that has ended but was not waited for can still be signalled. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return process.platform !== 'linux' || !/^\d+ \(.*\) Z /s.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))
  } catch {
    return false
  }
}
