import { Command, Option } from 'commander'
import type { SentFrame } from '../report/report-client.ts'
import { exitCodes } from './cli-error.ts'
import { anId, durationMs } from './options.ts'
import { refused, sent } from './report-sending.ts'

const TIMEOUT_MS = 600_000
/** How long the server has to expire a question before its answer counts as missing. */
const EXPIRY_GRACE_MS = 5000

export const askCommand = new Command('ask')
  .description('Ask the people who watch this agent, and wait; prints the option (or text) that was chosen')
  .argument('<title...>', 'the question')
  .option('--option <id=label>', 'an answer that lets it continue; may be given several times', option('allow'))
  .option('--deny <id=label>', 'an answer that does not', option('deny'))
  .option('--text', 'accept any text as an answer too')
  .option('--description <text>', 'details of the question')
  .option('--preview <text>', 'exactly what is asked about, such as the command')
  .addOption(new Option('--risk <risk>', 'how risky it is to allow it').choices(['low', 'medium', 'high', 'unknown']))
  .option('--timeout <duration>', 'how long the question stays open (default: 10m)', durationMs)
  .addOption(
    new Option('--default <effect>', 'what applies if nobody answers in time')
      .choices(['deny', 'allow', 'cancel'])
      .default('cancel'),
  )
  .option('--exit-by-option', 'exit with the position of the answer: 0 for the first, 1 for the second …')
  .option('--json', 'print the answer as JSON')
  .action((title: string[], options: AskOptions) => askPeople(title.join(' '), options))

interface AskOptions {
  option?: AskOption[]
  deny?: AskOption[]
  text?: boolean
  description?: string
  preview?: string
  risk?: string
  timeout?: number
  default: string
  exitByOption?: boolean
  json?: boolean
}

interface AskOption {
  id: string
  label: string
  effect: 'allow' | 'deny'
}

/** `--option` and `--deny` share one list, so that answers keep the order of the command line. */
const offered: AskOption[] = []

async function askPeople(title: string, options: AskOptions): Promise<void> {
  const usual: AskOption[] = [
    { id: 'yes', label: 'Yes', effect: 'allow' },
    { id: 'no', label: 'No', effect: 'deny' },
  ]
  const choices = offered.length > 0 || options.text ? offered : usual
  const { description, preview, risk, timeout: timeoutMs = TIMEOUT_MS } = options
  const question: SentFrame = {
    type: 'interaction:request',
    payload: {
      kind: options.text ? 'question' : 'permission',
      title,
      options: choices,
      timeoutMs,
      defaultOnTimeout: options.default,
      ...(description !== undefined && { description }),
      ...(preview !== undefined && { subject: { type: 'text', preview } }),
      ...(risk !== undefined && { risk }),
    },
  }
  const [reply] = await sent([question], timeoutMs + EXPIRY_GRACE_MS)
  if (reply === undefined || !reply.ok) throw refused(reply)
  const { answer } = reply
  const chosen = choices.findIndex(({ id }) => id === answer?.optionId)
  if (options.json) process.stdout.write(`${JSON.stringify(answer)}\n`)
  else if (answer?.optionId ?? answer?.text) process.stdout.write(`${answer?.optionId ?? answer?.text}\n`)
  if (chosen >= 0 && options.exitByOption) process.exitCode = chosen
  else if (choices[chosen]?.effect === 'deny') process.exitCode = exitCodes.failed
  else if (chosen < 0 && answer?.text === undefined) process.exitCode = exitCodes.timedOut
}

function option(effect: AskOption['effect']) {
  return (text: string): AskOption[] => {
    const [id = '', ...label] = text.split('=')
    offered.push({ id: anId(id), label: label.join('=') || id, effect })
    return offered
  }
}
