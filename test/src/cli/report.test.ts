import { spawn } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { AgentClient } from '@fleetwire/client/node'
import type { Interaction } from '@fleetwire/protocol'
import t, { type Test } from 'tap'
import { systemClock } from '../../../src/clock.ts'
import type { FleetEvent } from '../../../src/log/event-log.ts'
import { openReports } from '../../../src/report/open-reports.ts'
import { run, startForCli } from '../../helpers/cli.ts'
import { until } from '../../helpers/until.ts'
import { hooks } from '../report/claude-code/hook-inputs.ts'

t.setTimeout(120_000)

const main = fileURLToPath(new URL('../../../src/cli/main.js', import.meta.url))

interface Ended {
  code: number | null
  stdout: string
  stderr: string
}

/** Runs `fleetwire <args>` with this on standard input. */
function piped(t: Test, args: string[], input: string, env: Record<string, string> = {}): Promise<Ended> {
  const child = spawn(process.execPath, [main, ...args], { env: { PATH: process.env.PATH ?? '', ...env } })
  t.teardown(() => child.kill('SIGKILL'))
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', chunk => {
    stdout += chunk
  })
  child.stderr.on('data', chunk => {
    stderr += chunk
  })
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  return new Promise(resolve => child.on('close', code => resolve({ code, stdout, stderr })))
}

/** A server, and an agent in this process that accepts reports, like the wrapper of a program. */
async function reporting(t: Test) {
  const server = await startForCli(t)
  const statuses: string[] = []
  const agent = new AgentClient({ url: server.url, token: await server.token('agent', { sub: 'prog' }), handlers: {} })
  t.teardown(() => agent.stop({ graceMs: 100 }))
  await agent.start()
  await until(() => agent.status.value.state === 'online')
  const listener = {
    reported: ({ work, detail }: { work: string; detail?: string }) =>
      void statuses.push(`${work} ${detail ?? ''}`.trim()),
    heard: () => {},
    asks: () => () => {},
  }
  const reports = await openReports({
    agent,
    clock: systemClock,
    source: 'prog',
    run: () => undefined,
    listener: () => listener,
  })
  t.teardown(() => reports.close())
  const rest = async <T>(method: string, path: string, body?: object): Promise<T> => {
    const response = await fetch(`${server.url}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${server.admin}`, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    })
    return (await response.json()) as T
  }
  const env = { FLEETWIRE_REPORT: reports.address }
  return {
    ...server,
    agent,
    reports,
    statuses,
    rest,
    report: (...args: string[]) => run(t, ['report', ...args], env),
    hook: (input: object, ...args: string[]) =>
      run(t, ['report', 'hook', 'claude-code', ...args], env, JSON.stringify(input)),
    pipe: (args: string[], input: string) => run(t, ['report', ...args], env, input),
    pipeProcess: (args: string[], input: string) => piped(t, ['report', ...args], input, env),
    asked: () => until(async () => (await rest<{ items: Interaction[] }>('GET', '/interactions?state=open')).items[0]),
    answer: (id: string, body: object) => rest<Interaction>('POST', `/interactions/${id}/respond`, body),
  }
}

t.test('a program reports its status, tool calls, messages and usage', async t => {
  const { report, pipeProcess, statuses, rest } = await reporting(t)
  t.match(await report('status', 'working', 'compiling', 'main.c'), { code: 0, stdout: '', stderr: '' })
  const start = await report('tool', 'start', 'compile', '--args', '{"file":"main.c"}')
  t.match(start, { code: 0, stdout: /^call_\w+\n$/, stderr: '' })
  t.match(await report('tool', 'end', start.stdout.trim(), '--result', 'ok'), { code: 0 })
  t.match(await pipeProcess(['message', '--role', 'user'], 'Größe 🙂\n'.repeat(10_000)), { code: 0, stderr: '' })
  for (const more of [[], [], ['--cumulative', '--output', '50']])
    t.match(await report('usage', '--request', 'r1', '--input', '100', '--output', '20', '--model', 'm', ...more), {
      code: 0,
    })
  t.match(await report('status', 'idle'), { code: 0 })
  t.same(statuses, ['working compiling main.c', 'idle'])

  const { items } = await rest<{ items: { sessionId: string }[] }>('GET', '/sessions')
  const transcript = await until(async () => {
    const { items: found } = await rest<{ items: object[] }>('GET', `/sessions/${items[0]?.sessionId}/messages`)
    return found.length === 2 && found
  })
  t.match(transcript, [
    { name: 'compile', args: { file: 'main.c' }, result: 'ok' },
    { role: 'user', text: 'Größe 🙂\n'.repeat(10_000) },
  ])
  // The program is told once the agent has it, which is before the server does.
  const usage = await until(async () => {
    const { items: told } = await rest<{ items: FleetEvent[] }>('GET', '/events?topics=agents.prog.log')
    const found = told.filter(({ type }) => type === 'usage:reported')
    return found.some(({ payload }) => (payload as { mode: string }).mode === 'cumulative') && found
  })
  t.equal(usage.length, 2, 'the second report adds nothing')

  const sent = await pipeProcess(
    ['send'],
    `{"type":"agent:status","payload":{"work":"waiting"}}\n\n{"type":"task:create","payload":{}}\n`,
  )
  t.match(sent, { code: 0, stdout: '{"ok":true}\n{"ok":true}\n' })
})

t.test('a question prints its answer, and the effect of the answer is the exit code', async t => {
  const { report, asked, answer } = await reporting(t)
  const asks = async (args: string[], body: object) => {
    const waiting = report('ask', 'Deploy', 'now?', ...args)
    const question = await asked()
    t.match(await answer(question.interactionId, body), { state: 'resolved' })
    return { ...(await waiting), question }
  }
  const yes = await asks([], { optionId: 'yes' })
  t.match(yes, { code: 0, stdout: 'yes\n', stderr: '', question: { kind: 'permission', title: 'Deploy now?' } })
  const choices = [
    '--deny',
    'no=Never',
    '--option',
    'later',
    '--option',
    'now=Right now',
    '--risk',
    'high',
    '--preview',
    'v2',
  ]
  const no = await asks(choices, { optionId: 'no' })
  t.match(no, {
    code: 1,
    stdout: 'no\n',
    question: {
      risk: 'high',
      subject: { preview: 'v2' },
      options: [
        { id: 'no', label: 'Never', effect: 'deny' },
        { label: 'later' },
        { label: 'Right now', effect: 'allow' },
      ],
    },
  })
  t.match(await asks([...choices, '--exit-by-option'], { optionId: 'now' }), { code: 2, stdout: 'now\n' })
  t.match(await asks(['--text'], { text: 'in an hour' }), {
    code: 0,
    stdout: 'in an hour\n',
    question: { kind: 'question' },
  })
  t.match(await report('ask', 'Well?', '--timeout', '1ms'), { code: 124, stdout: '' })
  t.match(await report('ask', 'Well?', '--timeout', '1ms', '--default', 'deny'), { code: 1, stdout: 'no\n' })
})

t.test('a caller that cannot report is told why', async t => {
  const { report, reports } = await reporting(t)
  t.match(await run(t, ['report', 'status', 'idle']), {
    code: 3,
    stderr:
      'fleetwire: FLEETWIRE_REPORT is not set: only a program that fleetwire agent wrap has started, and what that program starts, can report.\n',
  })
  t.match(await report('status', 'busy'), {
    code: 1,
    stderr: /^fleetwire: payload\.work: expected one of "starting", "idle"/,
  })
  t.match(await report('progress', '0.5'), {
    code: 1,
    stderr: 'fleetwire: No command is running whose progress this could be.\n',
  })
  t.match(await report('usage'), { code: 2, stderr: /required option '--request <id>'/ })
  t.match(await report('tool', 'start', 'x', '--args', '{'), { code: 2, stderr: /Write it as JSON/ })
  t.match(await report('shout'), { code: 2, stderr: /unknown command 'shout'/ })
  await reports.close()
  t.match(await report('status', 'idle'), {
    code: 3,
    stderr: /^fleetwire: The wrapper of this program does not answer at .* \(ENOENT/,
  })
})

t.test('the end of a turn reports its usage, each request once', async t => {
  const { hook, rest, statuses } = await reporting(t)
  const entry = (id: string, output_tokens: number, more = {}) =>
    JSON.stringify({
      type: 'assistant',
      message: {
        id,
        model: 'claude-x',
        usage: { input_tokens: 3, cache_read_input_tokens: 100, output_tokens },
        ...more,
      },
    })
  const lines = [entry('msg_1', 1), '{"type":"user"}', entry('msg_1', 20), 'cut off {', entry('msg_2', 5)]
  const folder = t.testdir({ 'transcript.jsonl': lines.join('\n') })
  const stop = { ...hooks.Stop, transcript_path: join(folder, 'transcript.jsonl') }
  t.match(await hook(stop), { code: 0, stdout: '' })
  t.match(await hook(stop), { code: 0, stdout: '' })
  t.match(await hook({ ...stop, transcript_path: folder }), { code: 0, stdout: '' })
  await until(() => statuses.length === 3)
  const used = await until(async () => {
    const { items } = await rest<{ items: { type: string; payload: object }[] }>(
      'GET',
      '/events?topics=agents.prog.log',
    )
    const found = items.filter(({ type }) => type === 'usage:reported').map(({ payload }) => payload)
    return found.length === 2 && found
  })
  // The newest first.
  t.match(used, [
    { requestId: 'msg_2', inputTokens: 103, outputTokens: 5 },
    { source: 'claude-code', model: 'claude-x', requestId: 'msg_1', inputTokens: 103, outputTokens: 20 },
  ])
})

t.test('a hook that fails prints nothing, exits with 0 and leaves the decision to the program', async t => {
  const { hook, pipe, reports, app, agent } = await reporting(t)
  const silent = { code: 0, stdout: '', stderr: '' }
  for (const input of ['', 'no json', '[]', '{"hook_event_name":"PermissionRequest"', '\xff'])
    t.match(await pipe(['hook', 'claude-code', '--unknown', 'option'], input), silent, input)
  t.match(
    await piped(t, ['report', 'hook', 'claude-code'], JSON.stringify(hooks.PermissionRequest)),
    silent,
    'not wrapped',
  )
  t.match(await pipe(['hook'], '{}'), { code: 0, stdout: '' })
  t.match(await pipe(['hook', 'other'], '{}'), {
    code: 0,
    stdout: '',
    stderr: /unknown program "other"; only the hooks of claude-code are known/,
  })
  const ask = { hookSpecificOutput: { hookEventName: 'PreToolUse', permissionDecision: 'ask' } }
  await reports.close()
  t.match(await hook(hooks.PermissionRequest), silent, 'the wrapper has ended')
  const gate = await hook(hooks.PreToolUse, '--ask')
  t.match(JSON.parse(gate.stdout), ask)
  t.match(await hook(hooks.PreToolUse), silent)
  await agent.stop({ graceMs: 0 })
  await app.close()
})

t.test('a hook starts light: neither protocol, client nor validators are loaded', async t => {
  const folder = t.testdir({ coverage: {} })
  const env = { NODE_V8_COVERAGE: join(folder, 'coverage'), FLEETWIRE_REPORT: join(folder, 'none') }
  t.match(await piped(t, ['report', 'hook', 'claude-code'], JSON.stringify(hooks.PermissionRequest), env), { code: 0 })
  const [name] = await readdir(join(folder, 'coverage'))
  const report = JSON.parse(await readFile(join(folder, 'coverage', name!), 'utf8'))
  const loaded = (report.result as { url: string }[]).map(({ url }) => url)
  t.ok(loaded.some(url => url.endsWith('/report/claude-code/hook-permission.js')))
  for (const part of ['/packages/', '@sinclair', '/wrap/', '/exec/', 'node_modules/ws/', 'node-pty', '/interactions/'])
    t.notOk(
      loaded.some(url => url.includes(part)),
      `without ${part}`,
    )
})
