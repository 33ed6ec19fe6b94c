# The roles as a container: `docker run … ingest`, `… projector`, `… query`, `… migrate`. It holds no server.

FROM node:20-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=optional
COPY tsconfig.json tsconfig.build.json ./
COPY bin ./bin
COPY schemas ./schemas
COPY projections ./projections
COPY src ./src
COPY bench ./bench
RUN node bin/build.js

FROM node:20-slim
WORKDIR /app
ENV NODE_ENV=production
COPY package.json package-lock.json ./
# Without the optional packages, which are the binaries of the embedded Postgres.
RUN npm ci --omit=dev --omit=optional && npm cache clean --force
# The sources are here for their SQL, and because the built folder is named for their digest.
COPY tsconfig.json tsconfig.build.json LICENSE ./
COPY bin ./bin
COPY schemas ./schemas
COPY projections ./projections
COPY src ./src
COPY bench ./bench
COPY --from=build /app/dist ./dist
ENV HOST=0.0.0.0
USER node
EXPOSE 8080 8081 8082
ENTRYPOINT ["node", "bin/hookfold.js"]
CMD ["--help"]
