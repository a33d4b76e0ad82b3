# syntax=docker/dockerfile:1
FROM node:22-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY packages/protocol/package.json packages/protocol/
COPY packages/client/package.json packages/client/
COPY packages/react/package.json packages/react/
RUN npm ci --no-audit --no-fund
COPY . .
RUN npm run prepack && npm ci --omit=dev --no-audit --no-fund

FROM node:22-slim
ENV NODE_ENV=production FLEETWIRE_HOST=0.0.0.0 FLEETWIRE_DATA_DIR=/data
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/packages packages
COPY --from=build /app/dist dist
COPY --from=build /app/bin bin
# A named volume takes over the owner of the folder that it covers.
RUN mkdir /data && chown node:node /data
USER node
VOLUME /data
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${Number(process.env.FLEETWIRE_PORT) || 3000}/ready`).then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# Without npm around it, so that SIGTERM reaches the server itself. As process 1 bin/fleetwire waits for orphans.
CMD ["bin/fleetwire", "serve"]
