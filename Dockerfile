# The server with the handlers that ship. What changes least comes first, so that a change of the code installs nothing
# again.
FROM oven/bun:1.4.5-slim AS build
RUN apt-get update \
  && apt-get install --yes --no-install-recommends tini \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY package.json bun.lock bunfig.toml ./
RUN bun install --frozen-lockfile --ignore-scripts --production --omit=peer
COPY container container
COPY src src
COPY tasks tasks
RUN bun container/prune.ts

FROM oven/bun:1.4.5-slim
LABEL org.opencontainers.image.title="TaskFlow" \
  org.opencontainers.image.description="A function runtime and task scheduler: drop a TypeScript file into tasks/ and call it." \
  org.opencontainers.image.version="0.1.0" \
  org.opencontainers.image.licenses="MIT"
# The first process of a container inherits the orphans of all others, and Bun does not bury them.
COPY --from=build /usr/bin/tini /usr/bin/tini
# A new volume takes its owner from here.
RUN install --directory --owner=bun --group=bun /data
WORKDIR /app
COPY package.json tsconfig.json LICENSE ./
COPY --from=build /app/node_modules node_modules
COPY container/healthcheck.ts container/
COPY src src
COPY tasks tasks
# `docker stop` kills after ten seconds: the grace is over before. Whoever gives the stop more time sets both.
ENV TASKFLOW_HOST=0.0.0.0 \
  TASKFLOW_DATABASE=sqlite:/data/taskflow.db \
  TASKFLOW_SHUTDOWN_GRACE=5
USER bun
# Not /app/tasks: a volume made there unasked would keep the handlers of an older image.
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s CMD ["bun", "--no-env-file", "container/healthcheck.ts"]
ENTRYPOINT ["tini", "--"]
CMD ["bun", "src/main.ts"]
