import type { Session } from '@fleetwire/protocol'
import t from 'tap'
import { changeSession, type SessionEvent } from '../../../src/sessions/session-state.ts'

const of = { agentId: 'a', sessionId: 's' }
const active: Session = {
  ...{ ...of, title: 's', status: 'active', startedAt: 1, lastActivityAt: 1, lastMessage: '', typing: false },
}
const typing: Session = { ...active, typing: true }
const ended: Session = { ...active, status: 'ended' }

t.test('[SE6] [SE8] [SE9] every event has its outcome in every state', async t => {
  const next = (type: string, session: object) => ({ to: 'next', type, session: { lastActivityAt: 9, ...session } })
  const same = (why: string) => ({ to: 'same', why })
  const table: [name: string, from: Session | undefined, event: SessionEvent, expected: object][] = [
    [
      'a start',
      undefined,
      { kind: 'start', fields: { title: 'T' } },
      next('session:started', { title: 'T', startedAt: 9 }),
    ],
    ['a stream', undefined, { kind: 'seen' }, next('session:started', { title: 's', status: 'active' })],
    ['typing', undefined, { kind: 'typing', typing: true }, next('session:started', { typing: true })],
    ['no typing', undefined, { kind: 'typing', typing: false }, same('already')],
    ['an end', undefined, { kind: 'end', fields: {} }, same('absent')],
    ['it goes on', ended, { kind: 'said', text: 'hi' }, next('session:started', { startedAt: 1, lastMessage: 'hi' })],
    ['again', ended, { kind: 'end', fields: {} }, same('already')],
    ['a stream', active, { kind: 'seen' }, same('already')],
    [
      'activity',
      active,
      { kind: 'activity', fields: { lastMessage: 'x' } },
      next('session:activity', { lastMessage: 'x' }),
    ],
    [
      'typing',
      active,
      { kind: 'typing', typing: true },
      { ...next('session:typing', { typing: true, lastActivityAt: 1 }) },
    ],
    ['typing', typing, { kind: 'typing', typing: true }, same('already')],
    [
      'a message',
      typing,
      { kind: 'said', text: 'done' },
      next('session:activity', { typing: false, lastMessage: 'done' }),
    ],
    ['the end', typing, { kind: 'end', fields: {} }, next('session:ended', { typing: false, status: 'ended' })],
  ]
  for (const [name, from, event, expected] of table) t.match(changeSession(from, of, event, 9), expected, name)
  const long = changeSession(active, of, { kind: 'said', text: '😀'.repeat(1000) }, 9)
  t.ok(
    long.to === 'next' && long.session.lastMessage.length <= 500 && !/[\ud800-\udbff]…/.test(long.session.lastMessage),
  )
})
