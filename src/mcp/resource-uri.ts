import { topics } from '@fleetwire/protocol'

/** The subject of a resource of this server. */
export type Resource =
  | { of: 'requests' }
  | { of: 'agent'; agentId: string }
  | { of: 'session'; agentId: string; sessionId: string }

export const REQUESTS_URI = 'fleetwire://requests'
export const agentUri = (agentId: string): string => `fleetwire://agents/${agentId}`
export const sessionUri = (agentId: string, sessionId: string): string => `${agentUri(agentId)}/sessions/${sessionId}`

const form = /^fleetwire:\/\/(?:requests|agents\/([A-Za-z0-9_-]{1,64})(?:\/sessions\/([A-Za-z0-9_-]{1,64}))?)$/

/** Undefined if `uri` is not a resource of this server. */
export function parseUri(uri: string): Resource | undefined {
  const match = form.exec(uri)
  if (match === null) return undefined
  const [, agentId, sessionId] = match
  if (agentId === undefined) return { of: 'requests' }
  return sessionId === undefined ? { of: 'agent', agentId } : { of: 'session', agentId, sessionId }
}

/** The topics whose events change the contents of a resource. */
export function topicsOf(resource: Resource): string[] {
  switch (resource.of) {
    case 'requests':
      return ['agents.*.interactions.*']
    case 'agent': {
      const { agentId } = resource
      return [topics.agentStatus(agentId), topics.command(agentId, '*')]
    }
    case 'session': {
      const { agentId, sessionId } = resource
      return [topics.sessionStatus(agentId, sessionId), topics.sessionMessages(agentId, sessionId)]
    }
  }
}
