// The link over MQTT: what a board and a gateway subscribe to and publish, over whichever client fits.
//
//   board      client.ts, our own, for the memory that it saves; mqttjs.ts where the broker is behind a WebSocket
//   gateway    mqttjs.ts
//
// Everything is subscribed at QoS 0 and sent at QoS 0, but for the status (QoS 1, so that a lost one is noticed).

import { FRAME_BYTES_MAX, LABEL } from '../protocol/limits.ts';
import { boardOfTopic, boardTopic, everyBoard, GATEWAY_STATUS_TOPIC } from '../protocol/topics.ts';
import { openClient } from './client.ts';
import { type EndpointOptions, readEndpoint } from './endpoint.ts';
import { Keeper } from './keeper.ts';
import type { BoardLink, BoardLinkHandlers, GatewayLink, GatewayLinkHandlers } from './link.ts';
import { openMqttJs } from './mqttjs.ts';
import type { Role } from './opening.ts';
import { type Presence, readPresence, writeStatus } from './status.ts';

/** Frames that wait for the socket: on a board four windows of 4, at a gateway those of some 30 boards. */
const BOARD_QUEUE_BYTES_MAX = 4 * 4 * FRAME_BYTES_MAX;
const GATEWAY_QUEUE_BYTES_MAX = 8 * 1024 * 1024;

/** Seconds without traffic before a ping. A dead link is noticed after 1.5 times as long. */
const KEEPALIVE_SECONDS = 60;

interface LinkOptions extends EndpointOptions {
  /** Of this process: greater than that of any earlier one under the same name. */
  session: number;
  /** Name and version, for the status. */
  software: string;
  /** 1 to 65,535. 300 halves the bytes of an idle link again, if nothing on the way forgets connections sooner. */
  keepaliveSeconds?: number | undefined;
  random?: (() => number) | undefined;
  /** Another client than the one that fits: tests hold both to the same suite. */
  client?: Client | undefined;
}

export type Client = 'own' | 'MQTT.js';

export interface BoardLinkOptions extends LinkOptions {
  board: string;
}

export type GatewayLinkOptions = LinkOptions;

/** Throws if the options cannot work; anything that time may heal comes as down(). */
export function connectBoard(options: BoardLinkOptions, handlers: BoardLinkHandlers): BoardLink {
  const { board } = options;
  if (!LABEL.test(board))
    throw new Error(`"${board}" cannot be a board's name: letters, digits, '.', '_', '-'`);
  const upTopic = boardTopic(board, 'up');
  const downTopic = boardTopic(board, 'down');
  const statusTopic = boardTopic(board, 'status');
  let gatewayKnown = '';
  const keeper = keep(
    options,
    options.client ?? 'own',
    {
      clientId: `toastbox-board-${board}`,
      statusTopic,
      topics: [downTopic, statusTopic, GATEWAY_STATUS_TOPIC],
      queueBytesMax: BOARD_QUEUE_BYTES_MAX,
      take(topic, payload, isRetained) {
        if (topic === downTopic) {
          if (isRetained || payload.length > FRAME_BYTES_MAX) return false;
          keeper.counts.framesIn++;
          keeper.counts.bytesIn += payload.length;
          handlers.frame(payload);
          return true;
        }
        if (topic === GATEWAY_STATUS_TOPIC) {
          const status = readPresence(payload);
          if (!status) return false;
          const known = `${status.state} ${status.session}`;
          if (known !== gatewayKnown) {
            gatewayKnown = known;
            handlers.gateway(status, !isRetained);
          }
          return true;
        }
        return topic === statusTopic && seeOwn(keeper, readPresence(payload), isRetained);
      },
    },
    {
      up(info) {
        gatewayKnown = '';
        handlers.up(info);
      },
      down: why => handlers.down(why),
      dropped: why => handlers.dropped?.(why),
    },
  );
  return {
    counts: keeper.counts,
    get queue() {
      return keeper.queue;
    },
    send: (frame, sent) => keeper.send(upTopic, frame, sent),
    setStatus: status => keeper.setStatus(status),
    close: () => keeper.close(),
  };
}

/** Throws if the options cannot work; anything that time may heal comes as down(). */
export function connectGateway(options: GatewayLinkOptions, handlers: GatewayLinkHandlers): GatewayLink {
  const keeper = keep(
    options,
    options.client ?? 'MQTT.js',
    {
      clientId: 'toastbox-gateway',
      statusTopic: GATEWAY_STATUS_TOPIC,
      topics: [everyBoard('up'), everyBoard('status'), GATEWAY_STATUS_TOPIC],
      queueBytesMax: GATEWAY_QUEUE_BYTES_MAX,
      take(topic, payload, isRetained) {
        if (topic === GATEWAY_STATUS_TOPIC) return seeOwn(keeper, readPresence(payload), isRetained);
        const place = boardOfTopic(topic);
        if (place === undefined) return false;
        if (place.leaf === 'status') {
          handlers.status(place.board, readPresence(payload));
          return true;
        }
        if (place.leaf !== 'up' || isRetained || payload.length > FRAME_BYTES_MAX) return false;
        keeper.counts.framesIn++;
        keeper.counts.bytesIn += payload.length;
        handlers.frame(place.board, payload);
        return true;
      },
    },
    handlers,
  );
  return {
    counts: keeper.counts,
    get queue() {
      return keeper.queue;
    },
    send: (board, frame, sent) => keeper.send(boardTopic(board, 'down'), frame, sent),
    setStatus: status => keeper.setStatus(status),
    close: () => keeper.close(),
  };
}

function seeOwn(keeper: Keeper, status: Presence | undefined, isRetained: boolean): boolean {
  if (status) keeper.seeOwn(status, isRetained);
  return status !== undefined;
}

function keep(
  options: LinkOptions,
  client: Client,
  role: Role,
  handlers: ConstructorParameters<typeof Keeper>[1],
): Keeper {
  const endpoint = readEndpoint(options);
  const openConnection = client === 'own' && !endpoint.isWeb ? openClient : openMqttJs;
  const keepalive = options.keepaliveSeconds ?? KEEPALIVE_SECONDS;
  if (!Number.isInteger(keepalive) || keepalive < 1 || keepalive > 0xffff) {
    throw new Error(`a keep-alive of ${keepalive} seconds: 1 to 65535 are possible`);
  }
  const keeper: Keeper = new Keeper(
    {
      endpoint,
      session: options.session,
      facts: { software: options.software },
      random: options.random ?? Math.random,
      queueBytesMax: role.queueBytesMax,
      open: (protocol, events) => {
        const will = writeStatus('offline', options.session, {});
        return openConnection({ endpoint, role, keeper, protocol, keepalive, will }, events);
      },
    },
    handlers,
  );
  return keeper;
}
