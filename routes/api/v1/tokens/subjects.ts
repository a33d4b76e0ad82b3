import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Subject } from '@fleetwire/protocol'
import { Type } from '@sinclair/typebox'
import { answerRevocation } from './revocation-answer.ts'

/** A subject is any text: callers escape it, `auth0%7C66f`. */
const Params = Type.Object({ sub: Subject })

const subjects: FastifyPluginAsyncTypebox = async app => {
  app.addHook('onRequest', app.authorize('admin'))

  app.delete(
    '/subjects/:sub/tokens',
    {
      schema: {
        tags: ['tokens'],
        summary: 'Revoke every token that was issued to a subject until now, whoever issued it; its sockets are closed',
        params: Params,
        refusals: ['conflict'],
        response: { 204: Type.Null({ description: 'Revoked: what was issued before is refused from now on' }) },
      },
    },
    async ({ params: { sub }, principal }, reply) =>
      answerRevocation(reply, await app.tokens.revokeSubject(sub, principal.sub)),
  )
}
export default subjects
