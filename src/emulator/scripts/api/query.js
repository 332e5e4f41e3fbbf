// Queries in JavaScript: `__.filter(…)`, and chains of such steps that `value` brings to an end.
(function (shared) {
  "use strict";

  const { stringify } = JSON;
  const { ErrorCodes, refuse, enqueue, collection, settle } = shared;
  const DEFAULT_PAGE = 100;
  const EVERYTHING = -1;

  function bad(message) {
    refuse(ErrorCodes.BadRequest, message);
  }

  function checkFunction(value, what) {
    if (typeof value !== "function") bad(`${what} has to be a function, not ${typeof value}.`);
    return value;
  }

  // The order between types is that of the query language.
  function rank(value) {
    if (value === undefined) return 0;
    if (value === null) return 1;
    const types = ["boolean", "number", "string"];
    const index = types.indexOf(typeof value);
    return index < 0 ? 5 : 2 + index;
  }

  function compare(a, b) {
    const byType = rank(a) - rank(b);
    if (byType !== 0 || a === b) return byType;
    return a < b ? -1 : a > b ? 1 : 0;
  }

  function sorted(rows, key, sign) {
    const keyed = rows.map((row) => ({ row, key: key(row) }));
    keyed.sort((a, b) => sign * compare(a.key, b.key));
    return keyed.map((it) => it.row);
  }

  function unwound(row, selector, result) {
    const inner = selector(row);
    if (!Array.isArray(inner)) return [];
    return result === undefined ? inner : inner.map((it) => result(row, it));
  }

  // Each takes the arguments of a call and gives back the step, and the arguments that were not its own.
  const makers = {
    filter(args) {
      const test = checkFunction(args[0], "The predicate");
      return [(rows) => rows.filter((row) => test(row)), args.slice(1)];
    },
    map(args) {
      const change = checkFunction(args[0], "The transformation");
      return [(rows) => rows.map((row) => change(row)), args.slice(1)];
    },
    pluck(args) {
      const name = args[0];
      if (typeof name !== "string" || name === "") bad("The name of a property has to be a text, and not empty.");
      return [(rows) => rows.map((row) => row?.[name]), args.slice(1)];
    },
    sortBy(args) {
      const key = checkFunction(args[0], "The sort key");
      return [(rows) => sorted(rows, key, 1), args.slice(1)];
    },
    sortByDescending(args) {
      const key = checkFunction(args[0], "The sort key");
      return [(rows) => sorted(rows, key, -1), args.slice(1)];
    },
    flatten(args) {
      const isGiven = typeof args[0] === "boolean";
      const depth = args[0] === true ? 1 : Infinity;
      return [(rows) => rows.flat(depth), isGiven ? args.slice(1) : args];
    },
    unwind(args) {
      const selector = checkFunction(args[0], "The selector of what to unwind");
      // With one parameter it is no result selector, but the callback of the query.
      const hasResult = typeof args[1] === "function" && args[1].length === 2;
      const result = hasResult ? args[1] : undefined;
      return [(rows) => rows.flatMap((row) => unwound(row, selector, result)), args.slice(hasResult ? 2 : 1)];
    },
  };

  function respond(error, rows) {
    if (error !== undefined) throw error;
    if (shared.response === undefined) bad("Where there is no response, a query needs a callback.");
    shared.response.appendBody(stringify(rows));
  }

  // The place in the result where the next page begins.
  function placeOf(continuation) {
    if (!continuation) return 0;
    const place = Number(continuation);
    if (!Number.isSafeInteger(place) || place < 0) bad(`Invalid continuation: '${continuation}'.`);
    return place;
  }

  function run(steps, options, callback) {
    [options, callback] = settle(options, callback);
    callback ??= respond;
    const first = placeOf(options.continuation);
    const size = options.pageSize === EVERYTHING ? Infinity : options.pageSize || DEFAULT_PAGE;
    return enqueue("query", { pageSize: EVERYTHING, continuation: "" }, (error, reply) => {
      if (error !== undefined) return callback(error);
      let rows;
      try {
        rows = steps.reduce((rows, step) => step(rows), reply.documents).filter((row) => row !== undefined);
      } catch (error) {
        return callback(error);
      }
      const end = first + size;
      const continuation = end < rows.length ? String(end) : undefined;
      callback(undefined, rows.slice(first, end), { continuation });
    });
  }

  // The collection may stand before all other arguments.
  function own(args) {
    return args[0] === undefined || args[0] === collection || args[0] === globalThis.__ ? args.slice(1) : args;
  }

  function chained(steps) {
    const query = { isAccepted: true };
    for (const [name, make] of Object.entries(makers)) {
      query[name] = function (...args) {
        const [step, rest] = make(own(args));
        if (rest.some((it) => it !== undefined)) {
          bad("In a chain, options and callback are given to 'value' only.");
        }
        return chained([...steps, step]);
      };
    }
    query.value = (options, callback) => ({ isAccepted: run(steps, options, callback) });
    return query;
  }

  for (const [name, make] of Object.entries(makers)) {
    collection[name] = function (...args) {
      const [step, [options, callback]] = make(own(args));
      return { isAccepted: run([step], options, callback) };
    };
  }
  collection.chain = () => chained([]);
})
