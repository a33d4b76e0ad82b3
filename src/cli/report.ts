import { randomBytes } from 'node:crypto'
import { Command, InvalidArgumentError } from 'commander'
import { newId } from '../ids.ts'
import type { SentFrame } from '../report/report-client.ts'
import { piecesOf } from '../report/shorten.ts'
import { CliError, exitCodes } from './cli-error.ts'
import { anId } from './options.ts'
import { readInput } from './read-input.ts'
import { askCommand } from './report-ask.ts'
import { reportAddress, sent, tell } from './report-sending.ts'

// Programs and their hooks call this often, so it loads only what it needs to send a line to the wrapper.

const MAX_INPUT_BYTES = 8 * 1024 * 1024

export const reportCommand = new Command('report')

const status = new Command('status')
  .description('Report what this program does: idle, working, waiting, error …')
  .argument('<work>', 'starting, idle, working, waiting, stalled, stopped or error')
  .argument('[detail...]', 'a sentence for people')
  .action((work: string, detail: string[]) =>
    tell([{ type: 'agent:status', payload: { work, ...(detail.length > 0 && { detail: detail.join(' ') }) } }]),
  )

const progress = new Command('progress')
  .description('Report the progress of the command that this program works on')
  .argument('<fraction>', 'from 0 to 1', Number)
  .argument('[message...]', 'what it is doing')
  .action((fraction: number, message: string[]) =>
    tell([
      {
        type: 'command:progress',
        payload: { progress: fraction, ...(message.length > 0 && { message: message.join(' ') }) },
      },
    ]),
  )

const tool = new Command('tool').description('Report a tool call')
tool
  .command('start')
  .description('Report that a tool call started; prints its id')
  .argument('<name>', 'name of the tool')
  .option('--id <toolCallId>', 'default: a new one', anId)
  .option('--args <json>', 'its arguments', json)
  .option('--session <sessionId>', 'default: the session of the command, or of the program', anId)
  .action(async (name: string, { id = `call_${randomBytes(12).toString('hex')}`, args, session }: ToolOptions) => {
    await tell([
      { type: 'tool:start', payload: { toolCallId: id, name, ...(args !== undefined && { args }), ...of(session) } },
    ])
    process.stdout.write(`${id}\n`)
  })
tool
  .command('end')
  .description('Report that a tool call ended')
  .argument('<toolCallId>', 'as printed at its start', anId)
  .option('--result <text>', 'JSON, or a text')
  .option('--error <message>', 'it failed')
  .option('--session <sessionId>', 'as at its start', anId)
  .action((id: string, { result, error, session }: ToolOptions) =>
    tell([
      {
        type: 'tool:end',
        payload: {
          toolCallId: id,
          ...(result !== undefined && { result: jsonOrText(result) }),
          ...(error !== undefined && { error: { message: error } }),
          ...of(session),
        },
      },
    ]),
  )

const message = new Command('message')
  .description('Add a message to the conversation')
  .argument('[text...]', 'default: standard input')
  .option('--role <role>', 'assistant, user, system …', 'assistant')
  .option('--session <sessionId>', 'default: the session of the command, or of the program', anId)
  .action(async (words: string[], { role, session }: { role: string; session?: string }) => {
    const text = words.length > 0 ? words.join(' ') : await textInput()
    const ids = { messageId: newId('msg'), ...of(session) }
    await tell([
      { type: 'message:start', payload: { ...ids, role } },
      ...piecesOf(text).map((delta): SentFrame => ({ type: 'message:delta', payload: { ...ids, delta } })),
      { type: 'message:end', payload: ids },
    ])
  })

const usage = new Command('usage')
  .description('Report what a request to a model used; it counts once per source and request')
  .requiredOption(
    '--request <id>',
    'id of the request: reporting it again adds nothing, or with --cumulative the increase',
  )
  .option('--input <tokens>', 'input tokens', wholeTokens)
  .option('--output <tokens>', 'output tokens', wholeTokens)
  .option('--cost <usd>', 'what it cost, in US dollars', Number)
  .option('--model <name>', 'name of the model')
  .option('--source <name>', 'who counts (default: the program)')
  .option('--cumulative', 'the figures are totals of the request so far, not of this report alone')
  .action(({ request, input, output, cost, model, source, cumulative }: UsageOptions) =>
    tell([
      {
        type: 'usage:report',
        payload: {
          requestId: request,
          mode: cumulative ? 'cumulative' : 'delta',
          ...(source !== undefined && { source }),
          ...(input !== undefined && { inputTokens: input }),
          ...(output !== undefined && { outputTokens: output }),
          ...(cost !== undefined && { costUsd: cost }),
          ...(model !== undefined && { model }),
        },
      },
    ]),
  )

const send = new Command('send')
  .description('Send frames of the protocol from standard input, one a line; prints the replies')
  .action(async () => {
    const frames = (await textInput()).split('\n').filter(line => line.trim() !== '')
    const replies = await sent(frames.map((line, i) => ({ ...frameOf(line, i + 1), payload: payloadOf(line) })))
    for (const reply of replies) process.stdout.write(`${JSON.stringify(reply)}\n`)
    if (replies.some(({ ok }) => !ok)) process.exitCode = exitCodes.failed
  })

const hook = new Command('hook')
  .description('Answer a hook of a program: its event comes on standard input')
  .argument('[program]', 'claude-code')
  .option('--ask', 'ask people before the tool runs (PreToolUse)')
  .option('--timeout <duration>', 'how long a permission request waits for an answer (default: 10m)')
  // Settings files may contain unknown options and arguments: a hook that fails on them would block the program.
  .allowUnknownOption()
  .allowExcessArguments()
  .action(async (program: string | undefined, options: { ask?: boolean; timeout?: string }) => {
    const { runClaudeHook } = await import('./claude-hook.ts')
    if (program === 'claude-code') await runClaudeHook(reportAddress(), options)
    else
      process.stderr.write(`fleetwire: unknown program "${program ?? ''}"; only the hooks of claude-code are known\n`)
  })

for (const command of [status, tool, askCommand, usage, message, progress, send, hook]) {
  reportCommand.addCommand(command.exitOverride())
  for (const inner of command.commands) inner.exitOverride()
}

interface ToolOptions {
  id?: string
  args?: unknown
  session?: string
  result?: string
  error?: string
}

interface UsageOptions {
  request: string
  input?: number
  output?: number
  cost?: number
  model?: string
  source?: string
  cumulative?: boolean
}

const of = (session: string | undefined) => (session === undefined ? {} : { sessionId: session })

async function textInput(): Promise<string> {
  const text = await readInput(MAX_INPUT_BYTES)
  if (text === undefined) throw new CliError('failed', `The input is larger than ${MAX_INPUT_BYTES} bytes.`)
  return text
}

function frameOf(line: string, number: number): { type: SentFrame['type'] } {
  try {
    const { type } = JSON.parse(line)
    return { type }
  } catch {
    throw new CliError('usage', `Line ${number} is not JSON.`)
  }
}
const payloadOf = (line: string): object => JSON.parse(line).payload ?? {}

function json(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new InvalidArgumentError('Write it as JSON.')
  }
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function wholeTokens(text: string): number {
  const tokens = Number(text)
  if (text.trim() === '' || !Number.isSafeInteger(tokens) || tokens < 0)
    throw new InvalidArgumentError('A whole number.')
  return tokens
}
