import { type TranscriptItem, type TranscriptMessage, topics } from '@fleetwire/protocol'
import t from 'tap'
import { readTranscript } from '../../../src/sessions/transcript.ts'
import { MemoryLog } from '../../helpers/memory-log.ts'

const session = { agentId: 'a1', sessionId: 's1' }

/** All pages of the session. */
async function pagesOf(log: MemoryLog): Promise<TranscriptItem[][]> {
  const pages: TranscriptItem[][] = []
  let cursor: string | undefined
  do {
    const page = await readTranscript(log, session, { limit: 100, cursor })
    if (page.status !== 'ok') throw new Error(page.status)
    pages.push(page.items)
    cursor = page.nextCursor ?? undefined
  } while (cursor !== undefined)
  return pages
}

t.test('[SE15] a page is no larger when its messages are written side by side', async t => {
  const log = new MemoryLog()
  const letters = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']
  const say = (type: string, letter: string, payload: object = {}) =>
    log.add(type, topics.sessionMessages('a1', 's1'), { ...session, messageId: letter, ...payload })
  for (const letter of letters) say('message:start', letter, { role: 'assistant' })
  for (let n = 0; n < 10; n++) for (const letter of letters) say('message:delta', letter, { delta: letter.repeat(1e5) })
  for (const letter of letters) say('message:end', letter)
  const pages = (await pagesOf(log)) as TranscriptMessage[][]
  for (const page of pages) {
    const chars = page.reduce((sum, { text }) => sum + text.length, 0)
    t.ok(chars <= 2 * 1024 * 1024, `${page.length} items with ${chars} characters`)
  }
  t.equal(pages.length, 4, 'and none is smaller than necessary')
  t.ok(
    pages.flat().every(({ text }, i) => text === letters[i]!.repeat(1e6)),
    'all, in their order',
  )
  t.equal(pages.flat().length, letters.length, 'once')
})
