import { create } from 'zustand'

export type SentState =
  | { state: 'sending' }
  | { state: 'sent'; commandId: string }
  | { state: 'refused'; error: { code: string; message: string } }

export type Sent = SentState & { key: string; text: string; kind: string }

/** How many sent commands are shown above the composer. */
const SHOWN = 3

/** The commands sent to each agent from this page, newest last. They survive leaving the screen and coming back. */
export const useSentStore = create<{ byAgent: Readonly<Record<string, readonly Sent[]>> }>(() => ({ byAgent: {} }))

const NONE: readonly Sent[] = []
export const useSent = (agentId: string): readonly Sent[] => useSentStore(({ byAgent }) => byAgent[agentId] ?? NONE)

function change(agentId: string, next: (before: readonly Sent[]) => readonly Sent[]): void {
  useSentStore.setState(({ byAgent }) => ({ byAgent: { ...byAgent, [agentId]: next(byAgent[agentId] ?? NONE) } }))
}

export const addSent = (agentId: string, sent: Sent): void => change(agentId, before => [...before, sent].slice(-SHOWN))

export const settleSent = (agentId: string, key: string, state: SentState): void =>
  change(agentId, before =>
    before.map(({ text, kind, ...one }) =>
      one.key === key ? { key, text, kind, ...state } : ({ text, kind, ...one } as Sent),
    ),
  )

export const forgetSent = (agentId: string, key: string): void =>
  change(agentId, before => before.filter(sent => sent.key !== key))
