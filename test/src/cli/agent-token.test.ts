import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Agent, Command } from '@fleetwire/protocol'
import t, { test } from 'tap'
import { SECRET } from '../../helpers/build.ts'
import { startForCli } from '../../helpers/cli.ts'
import { hmacToken } from '../../helpers/foreign-token.ts'
import { size, some } from '../../helpers/sizes.ts'
import { until } from '../../helpers/until.ts'

/** The shortest lifetime of a token that expires during a test. */
const SHORT_S = size('SHORT_TOKEN_S', { quick: 5, full: 15 })
const exec = ['agent', 'exec', '--id', 'a1']
/** A token of the agent that lasts this many seconds. */
const lasting = (seconds: number, sub = 'a1') =>
  hmacToken(SECRET, {
    sub,
    role: 'agent',
    jti: `tok_${Math.random()}`.replace('.', ''),
    exp: Math.floor(Date.now() / 1000) + seconds,
  })

// In parallel: they wait for tokens to expire.
t.jobs = 4
t.teardown(() => {
  t.jobs = 1
})

/** Ten times the seconds that an agent needs to start and run a command: a busy machine is slow. */
const seconds = await enough()

async function enough(): Promise<number> {
  const { startHere, run } = await startForCli(t)
  let tookMs = 0
  // The first round also loads modules.
  for (let i = 0; i < 2; i++) {
    const begin = performance.now()
    const agent = startHere(exec, { FLEETWIRE_TOKEN: lasting(600) })
    await agent.printed(/is connected/)
    await run(['send', 'a1', '--wait', 'true'])
    tookMs = performance.now() - begin
    await agent.kill('SIGTERM')
  }
  return Math.max(SHORT_S, Math.ceil((10 * tookMs) / 1000))
}

test('when its token expires, running commands finish, and their results are delivered with the next token', async t => {
  const config = { JWT_LEEWAY_MS: 0, LEASE_MS: 300_000 }
  const { startHere, run, inStatus, call, admin, log } = await startForCli(t, config)
  const journal = t.testdir()
  const agent = startHere([...exec, '--journal', journal], { FLEETWIRE_TOKEN: lasting(seconds) })
  await agent.printed(/is connected/)
  const running = inStatus('a1', 'running')
  const { stdout } = await run(['send', 'a1', `until [ -e ${join(journal, 'go')} ]; do sleep 0.1; done; echo whole`])
  const commandId = stdout.trim()
  await running
  await agent.printed(/token has expired/)
  await agent.printed(/1 of its commands run to completion; their results are delivered with the next token/)
  writeFileSync(join(journal, 'go'), '')
  t.match(await agent.ended, { code: 4 })
  const kept = new Promise<Command>(resolve => {
    const unfollow = log.follow(events => {
      const found = events
        .map(e => e.payload as Command)
        .find(c => c.commandId === commandId && (c.lateResult || c.output))
      if (found === undefined) return
      unfollow()
      resolve(found)
    })
  })
  const next = startHere([...exec, '--journal', journal], { FLEETWIRE_TOKEN: lasting(600) })
  await next.printed(/is connected/)
  const command = await kept
  t.match(command.lateResult?.output ?? command.output, /whole/)
  t.match((await call<Agent>(admin, 'GET', '/api/v1/agents/a1')).body, { link: 'online' })
  // Its journal is removed with the test.
  await next.kill('SIGTERM')
})

test('a token file or token command is read again before the token expires, and work continues', async t => {
  const { startHere, run, inStatus, log } = await startForCli(t, { JWT_LEEWAY_MS: 0 })
  const folder = t.testdir()
  const file = join(folder, 'token')
  const sources = [
    ['--token-command', `cat '${file}'`],
    ['--token-file', file],
  ]
  for (const source of some('TOKEN_SOURCES', 1, sources)) {
    writeFileSync(file, `${lasting(seconds)}\n`)
    const agent = startHere([...exec, '--journal', folder, ...source])
    await agent.printed(/is connected/)
    const again = new Promise<void>(resolve => {
      const unfollow = log.follow(events => {
        if (!events.some(e => e.type === 'agent:status' && (e.payload as Agent).connectedAt > connectedAt)) return
        unfollow()
        resolve()
      })
    })
    const connectedAt = Date.now()
    const go = join(folder, `go${source[0]}`)
    const running = inStatus('a1', 'running')
    const waited = run(['send', 'a1', '--wait', `until [ -e '${go}' ]; do sleep 0.1; done; echo survived`])
    await running
    writeFileSync(file, lasting(600))
    await again
    writeFileSync(go, '')
    t.match(await waited, { code: 0, stdout: /survived/ }, `${source[0]}`)
    await agent.kill('SIGTERM')
  }
})

test('an unusable token source stops the start with the reason', async t => {
  const { startHere } = await startForCli(t)
  const folder = t.testdir({ empty: '', other: lasting(600, 'a2') })
  const ended = (...args: string[]) => startHere([...exec, '--journal', folder, ...args], { FLEETWIRE_TOKEN: '' }).ended
  t.match(await ended('--token-file', join(folder, 'none')), { code: 4, stderr: /cannot be read from .*none: ENOENT/ })
  t.match(await ended('--token-file', join(folder, 'empty')), { code: 4, stderr: /There is no token in .*empty/ })
  t.match(await ended('--token-file', join(folder, 'other')), {
    code: 4,
    stderr: /is for "a2", not for the agent "a1"/,
  })
  t.match(await ended('--token-command', 'echo vault is sealed >&2; exit 3'), {
    code: 4,
    stderr: /failed \(3\).*\nvault is sealed/,
  })
  t.match(await ended('--token-command', 'true'), { code: 4, stderr: /printed no token/ })
  t.match(await ended('--token-command', 'x', '--token-file', 'y'), { code: 2, stderr: /not from both/ })
})

test('[AG17] a token that expires within a day causes one warning: in ps, in the record and in the log of the agent', async t => {
  const { startHere, run, call, admin, log } = await startForCli(t)
  const folder = t.testdir({ token: lasting(3600) })
  const start = (env: Record<string, string>, ...args: string[]) =>
    startHere([...exec, '--journal', join(folder, 'journal'), ...args], env)
  const warned: unknown[] = []
  log.follow(events => {
    for (const { payload } of events) if ((payload as { code?: string }).code === 'token_expires') warned.push(payload)
  })
  // An agent is connected before its record shows it.
  const expires = (wanted: boolean) =>
    until(async () => {
      const { body } = await call<Agent>(admin, 'GET', '/api/v1/agents/a1')
      return body.link === 'online' && (body.tokenExpiresAt !== undefined) === wanted
    })
  const token = { FLEETWIRE_TOKEN: lasting(3 * 3600 + 60) }
  for (let i = 0; i < 2; i++) {
    const agent = start(token)
    await agent.printed(/is connected/)
    await expires(true)
    t.match(await run(['ps']), { stdout: /a1 .*token expires in 3 h/ })
    await agent.kill('SIGTERM')
  }
  t.match(warned, [{ agentId: 'a1', message: /expires at 20/ }])
  t.equal(warned.length, 1)
  const renewing = start({ FLEETWIRE_TOKEN: '' }, '--token-file', join(folder, 'token'))
  await renewing.printed(/is connected/)
  await expires(false)
  await renewing.kill('SIGTERM')
  const lasts = start({ FLEETWIRE_TOKEN: lasting(3 * 86_400) })
  await lasts.printed(/is connected/)
  await expires(false)
  await lasts.kill('SIGTERM')
})
