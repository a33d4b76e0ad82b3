import type { EventType, Session } from '@fleetwire/protocol'
import { shortText } from '../short-text.ts'

/** An event of a session. Fields that are not named stay unchanged. */
export type SessionEvent =
  | { kind: 'start'; fields: SessionFields }
  | { kind: 'activity'; fields: SessionFields }
  /** A frame of its stream arrived, so it exists. */
  | { kind: 'seen' }
  /** A message ended. */
  | { kind: 'said'; text: string }
  | { kind: 'typing'; typing: boolean }
  | { kind: 'end'; fields: SessionFields }

export interface SessionFields {
  title?: string
  lastMessage?: string
  typing?: boolean
}

type SessionEventType = Extract<EventType, `session:${string}`>

export type SessionDecision =
  | { to: 'next'; type: SessionEventType; session: Session }
  /** `already`: nothing to change. `absent`: an end does not start a session. */
  | { to: 'same'; why: 'absent' | 'already' }

export interface SessionOf {
  agentId: string
  sessionId: string
}

/** How much of an ended message a list of sessions shows. */
const PREVIEW_CHARS = 500

/** The session (undefined: there is none) after an event at `now`, epoch ms. Pure and total. */
export function changeSession(
  session: Session | undefined,
  of: SessionOf,
  event: SessionEvent,
  now: number,
): SessionDecision {
  if (session === undefined || session.status === 'ended') {
    if (event.kind === 'end') return { to: 'same', why: session === undefined ? 'absent' : 'already' }
    if (event.kind === 'typing' && !event.typing) return { to: 'same', why: 'already' }
    const active: Session = { ...(session ?? blank(of, now)), status: 'active' }
    return { to: 'next', type: 'session:started', session: { ...active, ...said(event), lastActivityAt: now } }
  }
  switch (event.kind) {
    case 'seen':
      return { to: 'same', why: 'already' }
    case 'typing':
      if (session.typing === event.typing) return { to: 'same', why: 'already' }
      return { to: 'next', type: 'session:typing', session: { ...session, typing: event.typing } }
    case 'start':
    case 'activity':
    case 'said':
      return { to: 'next', type: 'session:activity', session: { ...session, ...said(event), lastActivityAt: now } }
    case 'end':
      return {
        to: 'next',
        type: 'session:ended',
        session: { ...session, ...said(event), typing: false, status: 'ended', lastActivityAt: now },
      }
  }
}

function said(event: SessionEvent): SessionFields {
  switch (event.kind) {
    case 'start':
    case 'activity':
    case 'end': {
      const { lastMessage, ...fields } = event.fields
      return { ...fields, ...(lastMessage !== undefined && { lastMessage: preview(lastMessage) }) }
    }
    case 'said':
      return { lastMessage: preview(event.text), typing: false }
    case 'typing':
      return { typing: event.typing }
    case 'seen':
      return {}
  }
}

const preview = (text: string): string => shortText(text, PREVIEW_CHARS)

const blank = ({ agentId, sessionId }: SessionOf, now: number): Session => ({
  sessionId,
  agentId,
  title: sessionId,
  status: 'active',
  startedAt: now,
  lastActivityAt: now,
  lastMessage: '',
  typing: false,
})
