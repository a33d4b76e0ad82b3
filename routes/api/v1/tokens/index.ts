import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import {
  ListTokensQuery,
  MintedToken,
  MintTokenBody,
  RevokeTokenQuery,
  TokenPage,
  TokenParams,
} from '@fleetwire/protocol'
import fp from 'fastify-plugin'
import { notFound, unavailable } from '../../../../src/outcome.ts'
import { callerOf } from '../../../caller.ts'
import { answerRevocation, mintedElsewhere } from './answers.ts'

const tokens: FastifyPluginAsyncTypebox = async app => {
  app.post(
    '',
    {
      schema: {
        tags: ['tokens'],
        summary: 'Mint a token',
        body: MintTokenBody,
        refusals: ['conflict'],
        response: { 201: MintedToken },
      },
    },
    async (request, reply) => {
      const result = await app.tokens.mintAs(request.principal, request.body, callerOf(request).actor)
      switch (result.status) {
        case 'minted':
          return reply.code(201).send({ token: result.token, jti: result.jti, expiresAt: result.expiresAt })
        case 'refused':
          return reply.refuse(result.refusal)
        case 'disabled':
          return reply.refuse(mintedElsewhere)
        case 'unavailable':
          return reply.refuse(unavailable(result))
      }
    },
  )

  app.get(
    '',
    {
      schema: {
        tags: ['tokens'],
        summary: 'List tokens, newest first',
        description: 'Only tokens whose rights the caller has too; a page may have fewer than `limit`.',
        querystring: ListTokensQuery,
        response: { 200: TokenPage },
      },
    },
    async ({ principal, query: { limit = 50, cursor } }) => app.tokens.list({ limit, page: cursor, holder: principal }),
  )

  app.delete(
    '/:jti',
    {
      schema: {
        tags: ['tokens'],
        summary: 'Revoke a token, whoever issued it; its sockets are closed',
        params: TokenParams,
        querystring: RevokeTokenQuery,
        refusals: ['not_found', 'conflict'],
        response: { 204: { type: 'null', description: 'Revoked, now or earlier' } },
      },
    },
    async (request, reply) => {
      const { jti } = request.params
      const { principal } = request
      const by = { holder: principal, actor: callerOf(request).actor }
      const result = await app.tokens.revoke(jti, { ...request.query, revokedBy: principal.sub }, by)
      return answerRevocation(reply, result, notFound('token', jti))
    },
  )
}

export default fp(tokens, { name: 'fleetwire-routes-api-tokens', encapsulate: true })
