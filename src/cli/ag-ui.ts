import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import { systemClock } from '../clock.ts'
import { type AgentOptions, createAgentProcess, sayOnStderr, withAgentOptions } from './agent-process.ts'
import { CliError } from './cli-error.ts'
import { durationOption, wholeNumber } from './options.ts'

interface AgUiOptions extends AgentOptions {
  concurrency: number
  header?: Record<string, string>
  headerFile?: string
  context?: { description: string; value: string }[]
  forwardedProps?: string
  answerTimeout: number
  idleTimeout: number
  keepThreads: number
}

const MAX_ANSWER_BYTES = 64 * 1024 * 1024

export const agUiCommand = withAgentOptions(new Command('ag-ui'))
  .description('Run an agent: each prompt is a run of the AG-UI agent at this URL')
  .argument('<url>', 'the URL to which runs are posted', anAddress)
  .option('--header <name=value>', 'sent with each run; other users can read it in the process list', header)
  .option('--header-file <path>', 'lines of "Name: value", read again before each run')
  .option('--context <description=value>', 'sent to the agent with each run; may be given several times', context)
  .option('--forwarded-props <path>', 'a JSON file, passed to the agent as forwardedProps')
  .option('--concurrency <n>', 'prompts at the same time, each in a session of its own', wholeNumber(1), 1)
  .addOption(durationOption('--answer-timeout', 'how long the agent may take to start its response', '1m'))
  .addOption(durationOption('--idle-timeout', 'how long a response may be silent', '10m'))
  .addOption(durationOption('--keep-threads', 'how long to keep conversations that nobody continues', '30d'))
  .action(run)

async function run(url: string, options: AgUiOptions): Promise<void> {
  const { id, header: given = {}, headerFile, context, concurrency } = options
  const headers = async () => ({ ...(headerFile !== undefined && (await readHeaders(headerFile))), ...given })
  // Report a bad header file at the start, not at the first prompt.
  await headers()
  const forwardedProps = options.forwardedProps === undefined ? undefined : await readObject(options.forwardedProps)
  // Otherwise the AG-UI client prints a warning for every old event that it converts.
  process.env.SUPPRESS_TRANSFORMATION_WARNINGS ??= 'true'
  // Only this command loads the AG-UI libraries.
  const [{ createPromptHandler }, { ThreadStore }] = await Promise.all([
    import('../ag-ui-client/prompt-handler.ts'),
    import('../ag-ui-client/thread-store.ts'),
  ])
  const agent = await createAgentProcess(options, {
    kind: 'ag-ui',
    capabilities: { kinds: ['prompt'] },
    maxConcurrency: concurrency,
    handlers: { prompt: run => prompt(run) },
  })
  const folder = join(agent.journalFolder, `${id}.threads`)
  const threads = new ThreadStore({ folder, keepMs: options.keepThreads, now: systemClock.now })
  const prompt = createPromptHandler({
    ...{ url, clock: systemClock, threads, headers },
    ask: (question, asked) => agent.client.ask(question, asked),
    limits: { answerMs: options.answerTimeout, idleMs: options.idleTimeout, maxBytes: MAX_ANSWER_BYTES },
    ...(context !== undefined && { context }),
    ...(forwardedProps !== undefined && { forwardedProps }),
  })
  await threads.open().catch(error => {
    throw new CliError('failed', `Conversations cannot be kept in ${folder}: ${(error as Error).message}`)
  })
  const { origin, pathname } = new URL(url)
  sayOnStderr(`prompts go to ${origin}${pathname}; conversations are kept in ${folder}`)
  await agent.start()
}

function anAddress(text: string): string {
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text)) throw new InvalidArgumentError('Not an http(s) URL.')
  return text
}

const HEADER_NAME = /^[!#$%&'*+.^_`|~\w-]+$/
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/
/** The AG-UI library sets these itself. */
const OWN_HEADERS = /^(content-type|content-length|accept|host|connection|transfer-encoding)$/i

function header(pair: string, before: Record<string, string> = {}): Record<string, string> {
  const [name = '', ...value] = pair.split('=')
  const flaw = value.length === 0 ? 'Write it as name=value.' : headerFlaw(name, value.join('='))
  if (flaw !== undefined) throw new InvalidArgumentError(flaw)
  return { ...before, [name]: value.join('=') }
}

function headerFlaw(name: string, value: string): string | undefined {
  if (!HEADER_NAME.test(name)) return `${JSON.stringify(name)} is not a valid header name.`
  if (OWN_HEADERS.test(name)) return `${name} is set by the protocol.`
  return HEADER_VALUE.test(value) ? undefined : `The value of ${name} has characters that are not allowed in a header.`
}

async function readHeaders(path: string): Promise<Record<string, string>> {
  const headers: Record<string, string> = {}
  for (const [i, line] of (await readText(path)).split(/\r?\n/).entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue
    const colon = line.indexOf(':')
    const [name, value] = [line.slice(0, colon).trim(), line.slice(colon + 1).trim()]
    const flaw = colon < 0 ? 'it is not "Name: value".' : headerFlaw(name, value)
    // Do not print the line: it may contain a secret.
    if (flaw !== undefined) throw new CliError('usage', `${path}, line ${i + 1}: ${flaw}`)
    headers[name] = value
  }
  return headers
}

async function readObject(path: string): Promise<object> {
  const text = await readText(path)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new CliError('usage', `${path} is not valid JSON: ${(error as Error).message}`)
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  throw new CliError('usage', `${path} does not hold a JSON object.`)
}

async function readText(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(error => {
    throw new CliError('usage', `${path} cannot be read: ${(error as NodeJS.ErrnoException).code}`)
  })
}

function context(pair: string, before: { description: string; value: string }[] = []) {
  const [description = '', ...value] = pair.split('=')
  if (description === '' || value.length === 0) throw new InvalidArgumentError('Write it as description=value.')
  return [...before, { description, value: value.join('=') }]
}
