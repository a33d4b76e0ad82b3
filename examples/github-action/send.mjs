// Sends one command and waits for its end. It needs only the runner's Node, and survives restarts of the server: the
// idempotency key prevents a second command. Exit code: that of the command, 124 if it timed out, otherwise 1; 2 for wrong inputs.
import { randomUUID } from 'node:crypto'
import { appendFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

const { env } = process
const server = input('server').replace(/\/+$/, '')
const token = input('token')
const agent = input('agent')
const minutes = Number(input('timeout-minutes', '30'))
const body = {
  kind: input('kind', 'shell'),
  input: input('input'),
  runTimeoutMs: Math.round(minutes * 60_000),
  ...(input('session', '') && { sessionId: input('session', '') }),
}
// Unique to this run of the step: two steps with the same input are two commands.
const key = input('idempotency-key', '') || randomUUID()
/** How long the server may be unreachable, restarts included. */
const AWAY_MS = 10 * 60_000
const LONGEST_PAUSE_MS = 3000

if (!/^https?:\/\//.test(server) || !URL.canParse(server)) wrong('server', 'not an http(s) URL')
if (!(minutes > 0 && minutes <= 60 * 24 * 30)) wrong('timeout-minutes', 'not a valid number of minutes')
console.log(`::add-mask::${token}`)

let command
let stopping = false
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    stopping = true
    // The runner gives a cancelled step only a few seconds.
    console.log(`The step was cancelled: interrupting ${command?.commandId ?? 'nothing'}`)
    const stop = command && call('POST', `/commands/${command.commandId}/interrupt`, '')
    Promise.resolve(stop).finally(() => process.exit(130))
  })
}

command = await submit()
console.log(`${command.commandId} of agent "${agent}": ${server}`)
output('command-id', command.commandId)
let shown = ''
let pauseMs = 250
while (command.endedAt === undefined && !stopping) {
  const { status, phase, progress, detail } = command
  const line = [status, phase, progress?.message, detail].filter(Boolean).join(', ')
  if (line !== shown) console.log(line)
  shown = line
  await delay(pauseMs)
  pauseMs = Math.min(pauseMs * 1.5, LONGEST_PAUSE_MS)
  command = await persist(() => call('GET', `/commands/${command.commandId}`))
}
if (!stopping) report()

function report() {
  const { status, exitCode, reason, error } = command
  const text = typeof command.output === 'string' ? command.output : JSON.stringify(command.output ?? '')
  // Without this, the runner could interpret a line of the output as a workflow command.
  const guard = randomUUID()
  console.log(`::group::Output\n::stop-commands::${guard}\n${text}\n::${guard}::\n::endgroup::`)
  output('status', status)
  output('exit-code', exitCode ?? '')
  output('output', text)
  const why = [reason, typeof error === 'string' ? error : error?.message].filter(Boolean).join(': ')
  const cut = text.length > 20_000 ? `${text.slice(0, 20_000)}\n…` : text
  const fence = '`'.repeat(Math.max(3, ...[...cut.matchAll(/`+/g)].map(([ticks]) => ticks.length + 1)))
  summary(`### \`${agent}\`: ${status}${why && ` (${why})`}\n\n${fence}\n${cut}\n${fence}\n`)
  if (status === 'succeeded') return
  console.log(`::error::${escaped(`The command ${status}${why && `: ${why}`}`)}`)
  process.exitCode = status === 'timed_out' ? 124 : exitCode > 0 ? exitCode : 1
}

/** Retries until the server responds: with the same key, it returns the first command. */
function submit() {
  const path = `/agents/${encodeURIComponent(agent)}/commands`
  return persist(() => call('POST', path, JSON.stringify(body), { 'idempotency-key': key }))
}

/** Retries while the server is unreachable or overloaded, but not if it refuses. */
async function persist(ask) {
  for (let since = Date.now(), pauseMs = 500; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    try {
      return await ask()
    } catch (error) {
      if (error.final || stopping || Date.now() - since > AWAY_MS) fail(error.message)
      console.log(`${error.message}; retrying`)
      await delay(error.retryAfterMs ?? pauseMs)
    }
  }
}

async function call(method, path, text, more = {}) {
  const headers = { authorization: `Bearer ${token}`, ...(text && { 'content-type': 'application/json' }), ...more }
  const signal = AbortSignal.timeout(60_000)
  const answer = await fetch(`${server}/api/v1${path}`, { method, headers, signal, ...(text && { body: text }) }).catch(
    error => {
      throw new Error(`No response from ${server}: ${error.cause?.message || error.message}`)
    },
  )
  const said = await answer.text()
  if (answer.ok) return JSON.parse(said)
  const message = said.startsWith('{') ? JSON.parse(said).message : said.slice(0, 200)
  const retryAfter = Number(answer.headers.get('retry-after'))
  throw Object.assign(new Error(`HTTP ${answer.status}: ${message}`), {
    final: answer.status < 500 && answer.status !== 429,
    ...(retryAfter > 0 && { retryAfterMs: retryAfter * 1000 }),
  })
}

function input(name, otherwise) {
  const value = env[`INPUT_${name.toUpperCase().replaceAll('-', '_')}`]?.trim() || otherwise
  return value ?? wrong(name, 'missing')
}

function output(name, value) {
  const end = `end-${randomUUID()}`
  if (env.GITHUB_OUTPUT) appendFileSync(env.GITHUB_OUTPUT, `${name}<<${end}\n${value}\n${end}\n`)
}

function summary(text) {
  if (env.GITHUB_STEP_SUMMARY) appendFileSync(env.GITHUB_STEP_SUMMARY, text)
}

function wrong(name, why) {
  console.log(`::error::Input ${name}: ${why}.`)
  process.exit(2)
}

function fail(message) {
  console.log(`::error::${escaped(message)}`)
  process.exit(1)
}

/** Escapes the text of a workflow command. */
function escaped(text) {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
}
