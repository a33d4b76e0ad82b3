import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, gzip } from 'node:zlib'
import type { CommandRun, InteractionAnswer } from '@fleetwire/client/node'
import type { AgentPayloads, CommandOutcome } from '@fleetwire/protocol'
import { systemClock } from '../clock.ts'
import { type Part, type Surroundings, textOf } from './part.ts'
import { between, pause } from './pause.ts'
import { Voice } from './voice.ts'

const FILES = 24
/** How many folders people may keep: beyond that, the cleaner asks about an old one before it makes another. */
const MAX_KEPT = 2
const ANSWER_WITHIN_MS = 10 * 60_000
const TITLE_LENGTH = 80
const KiB = 1024

type Question = Omit<AgentPayloads['interaction:request'], 'interactionId' | 'commandId' | 'timeoutMs'>

/**
 * Creates files and asks before it does anything that cannot be undone: an approval to delete a folder, a choice of
 * format, a form for what counts as old.
 */
export function cleaner({ scratch, client }: Surroundings): Part {
  let made = 0

  async function ask(run: CommandRun, question: Question): Promise<InteractionAnswer> {
    const interactionId = `int_${run.commandId}`
    const asked = { interactionId, commandId: run.commandId, timeoutMs: ANSWER_WITHIN_MS, ...question }
    run.progress({ progress: 0.5, message: `Asks: ${question.title}` })
    const answer = await client().ask(asked, { signal: run.signal })
    client().report('interaction:applied', { interactionId })
    return answer
  }

  async function makeFolder(run: CommandRun): Promise<string> {
    const name = `build-${++made}`
    const call = run.tool('write_files', { folder: name, files: FILES })
    await mkdir(join(scratch, name), { recursive: true })
    for (let n = 0; n < FILES; n++) {
      run.signal.throwIfAborted()
      await writeFile(join(scratch, name, `chunk-${String(n).padStart(2, '0')}.js`), chunk(Math.round(between(20, 80))))
      run.progress({ progress: (n + 1) / FILES / 2, message: `Writing ${name}: ${n + 1} of ${FILES} files` })
      await pause(60, run.signal)
    }
    call.end({ written: FILES })
    return name
  }

  async function deleteOne(run: CommandRun): Promise<CommandOutcome> {
    const kept = await foldersOf(scratch)
    const name = kept.length >= MAX_KEPT ? kept[0]! : await makeFolder(run)
    const found = await measured(join(scratch, name))
    const voice = new Voice(run)
    await voice.say(`\`${name}\` holds ${found.count} files, ${sizeOf(found.bytes)}. Nothing uses it any more.`)
    voice.end()
    const answer = await ask(run, {
      kind: 'permission',
      title: `Delete ${name}?`,
      description: `The cleaner made this folder itself. Deleting it frees ${sizeOf(found.bytes)} and cannot be undone.`,
      subject: {
        type: 'command',
        preview: `rm -r ${name} # ${found.count} files: ${found.names[0]} … ${found.names.at(-1)}`,
        digest: `sha256:${createHash('sha256').update(found.names.join('\n')).digest('hex')}`,
      },
      risk: 'high',
      options: [
        { id: 'delete', label: 'Delete', effect: 'allow', scope: 'once' },
        { id: 'keep', label: 'Keep', effect: 'deny', scope: 'once' },
      ],
      defaultOnTimeout: 'deny',
    })
    if (answer.optionId !== 'delete') {
      const why = answer.expired ? 'Nobody answered in time' : 'You said so'
      return said(run, `${why}: \`${name}\` stays.`)
    }
    const call = run.tool('delete_folder', { folder: name })
    await rm(join(scratch, name), { recursive: true })
    call.end({ deleted: found.count })
    return said(run, `Deleted \`${name}\`: ${found.count} files, ${sizeOf(found.bytes)}.`)
  }

  async function archive(run: CommandRun): Promise<CommandOutcome> {
    const [name] = await foldersOf(scratch)
    const folder = name ?? (await makeFolder(run))
    const answer = await ask(run, {
      kind: 'question',
      title: `How shall I pack ${folder}?`,
      description: 'Brotli compresses better but takes longer. You may also name one in your own words.',
      risk: 'low',
      options: [
        { id: 'gzip', label: 'gzip', effect: 'allow' },
        { id: 'brotli', label: 'Brotli', effect: 'allow' },
        { id: 'none', label: 'Leave it', effect: 'deny' },
      ],
      defaultOnTimeout: 'deny',
    })
    const wanted = (answer.optionId ?? answer.text ?? 'none').toLowerCase()
    const format = wanted.includes('gz') ? 'gzip' : wanted.includes('br') ? 'brotli' : undefined
    if (format === undefined) return said(run, `\`${folder}\` is left as it is.`)
    const call = run.tool('pack', { folder, format })
    const { names } = await measured(join(scratch, folder))
    const bytes = Buffer.concat(await Promise.all(names.map(file => readFile(join(scratch, folder, file)))))
    const packed = await (format === 'gzip' ? promisify(gzip)(bytes) : promisify(brotliCompress)(bytes))
    await writeFile(join(scratch, `packed.${format === 'gzip' ? 'gz' : 'br'}`), packed)
    call.end({ before: bytes.length, after: packed.length })
    return said(run, `Packed with ${format}: ${sizeOf(bytes.length)} became ${sizeOf(packed.length)}.`)
  }

  async function tidy(run: CommandRun): Promise<CommandOutcome> {
    const answer = await ask(run, {
      kind: 'form',
      title: 'What counts as old?',
      description: 'Files of its build folders that are older than this are deleted, or only listed.',
      risk: 'medium',
      options: [{ id: 'cancel', label: 'Cancel', effect: 'deny' }],
      schema: {
        type: 'object',
        properties: {
          minutes: { type: 'integer', title: 'Older than (minutes)', minimum: 1, maximum: 1440, default: 10 },
          ending: { type: 'string', title: 'Only names that end with', default: '.js' },
          onlyList: { type: 'boolean', title: 'Only list them', default: true },
        },
        required: ['minutes'],
      },
      defaultOnTimeout: 'deny',
    })
    if (answer.answers === undefined) return said(run, 'Nothing was touched.')
    const { minutes = 10, ending = '.js', onlyList = true } = answer.answers
    const before = systemClock.now() - Number(minutes) * 60_000
    const old: string[] = []
    for (const folder of await foldersOf(scratch)) {
      for (const name of (await readdir(join(scratch, folder))).filter(name => name.endsWith(String(ending)))) {
        const path = join(scratch, folder, name)
        if ((await stat(path)).mtimeMs >= before) continue
        old.push(`${folder}/${name}`)
        if (onlyList === false) await rm(path)
      }
    }
    return said(
      run,
      `${old.length} files are older than ${minutes} min${onlyList === false ? ' and were deleted' : ''}.`,
    )
  }

  return {
    kind: 'sdk',
    handlers: {
      async prompt(run) {
        const wish = textOf(run.input)
        const sessionId = run.sessionId ?? run.commandId
        client().report('session:start', { sessionId, title: wish.slice(0, TITLE_LENGTH) || 'Clean up' })
        try {
          if (/pack|archive|compress|zip/i.test(wish)) return await archive(run)
          return /\bold\b|older|rule|form/i.test(wish) ? await tidy(run) : await deleteOne(run)
        } finally {
          client().report('session:end', { sessionId })
        }
      },
    },
  }
}

async function said(run: CommandRun, text: string): Promise<CommandOutcome> {
  const voice = new Voice(run)
  await voice.say(text)
  voice.end()
  return { status: 'succeeded', output: text }
}

/** Oldest first. */
async function foldersOf(scratch: string): Promise<string[]> {
  const names = (await readdir(scratch)).filter(name => name.startsWith('build-'))
  return names.sort((a, b) => Number(a.slice(6)) - Number(b.slice(6)))
}

async function measured(folder: string): Promise<{ names: string[]; count: number; bytes: number }> {
  const names = (await readdir(folder)).sort()
  const sizes = await Promise.all(names.map(async name => (await stat(join(folder, name))).size))
  return { names, count: names.length, bytes: sizes.reduce((sum, size) => sum + size, 0) }
}

const sizeOf = (bytes: number): string =>
  bytes < KiB * KiB ? `${Math.round(bytes / KiB)} KiB` : `${(bytes / KiB / KiB).toFixed(1)} MiB`

/** About `kibibytes` KiB of text that a bundler might write. */
function chunk(kibibytes: number): string {
  const line = (n: number) =>
    `export const part${n} = ${JSON.stringify({ n, at: Math.random().toString(36).slice(2) })}\n`
  let text = ''
  for (let n = 0; text.length < kibibytes * KiB; n++) text += line(n)
  return text
}
