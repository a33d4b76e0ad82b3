import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { SubjectParams } from '@fleetwire/protocol'
import fp from 'fastify-plugin'
import { notFound } from '../../../../src/outcome.ts'
import { callerOf } from '../../../caller.ts'
import { answerRevocation } from './answers.ts'

const subjects: FastifyPluginAsyncTypebox = async app => {
  app.delete(
    '/subjects/:sub/tokens',
    {
      schema: {
        tags: ['tokens'],
        summary: 'Revoke every token issued to a subject so far, whoever issued it; its sockets are closed',
        params: SubjectParams,
        refusals: ['not_found', 'conflict'],
        response: { 204: { type: 'null', description: 'Revoked: tokens issued before are refused from now on' } },
      },
    },
    async (request, reply) => {
      const { sub } = request.params
      const by = { holder: request.principal, actor: callerOf(request).actor }
      const result = await app.tokens.revokeSubject(sub, request.principal.sub, by)
      return answerRevocation(reply, result, notFound('subject', sub))
    },
  )
}
export default fp(subjects, { name: 'fleetwire-routes-api-tokens-subjects', encapsulate: true })
