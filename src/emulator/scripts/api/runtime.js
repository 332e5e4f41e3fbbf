// The ground that the rest stands on: errors that have numbers, and the operations that wait for their turn.
(function (shared, setup, host, accepts) {
  "use strict";

  const { parse, stringify } = JSON;
  const NativeError = Error;
  // So many operations may wait; a script that asks for more in one go is told to come back.
  const MAX_WAITING = 10000;

  const ErrorCodes = Object.freeze({
    BadRequest: 400,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    PreconditionFailed: 412,
    RequestEntityTooLarge: 413,
    RetryWith: 449,
    InternalServerError: 500,
  });

  // `new Error(404, "no such order")`: the number becomes the sub-status of the answer.
  const NumberedError = new Proxy(NativeError, {
    construct(target, args, newTarget) {
      const isNumbered = args.length > 1 && typeof args[0] === "number";
      const error = Reflect.construct(target, isNumbered ? args.slice(1) : args, newTarget);
      if (isNumbered) error.number = args[0];
      return error;
    },
    apply(target, self, args) {
      return Reflect.construct(NumberedError, args);
    },
  });

  function define(name, value) {
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true });
  }

  // Those whose turn has come, up to which one they are done, and those that were asked for meanwhile.
  let turn = [];
  let done = 0;
  let waiting = [];
  let reason;

  shared.ErrorCodes = ErrorCodes;
  shared.define = define;

  shared.refuse = function (number, message) {
    throw new NumberedError(number, message);
  };

  // Rolls back even if the script catches what is thrown here, which promises always do.
  shared.abort = function (error) {
    reason = { error };
    throw error;
  };

  // `finish` gets an error, or the reply of the host. False: not accepted, and `finish` is not called.
  shared.enqueue = function (operation, args, finish) {
    if (turn.length - done + waiting.length >= MAX_WAITING || !accepts()) return false;
    waiting.push({ operation, args: stringify(args), finish });
    return true;
  };

  function next() {
    if (done === turn.length) [turn, done, waiting] = [waiting, 0, []];
    return turn[done++];
  }

  shared.start = function (script, args) {
    Reflect.apply(script, undefined, parse(args));
  };

  // Carries out one operation; false if none waits.
  shared.step = function () {
    const { operation, args, finish } = next() ?? {};
    if (operation === undefined) return false;
    const reply = parse(host(operation, args));
    if (reply.error === undefined) {
      finish(undefined, reply);
      return true;
    }
    const error = new NativeError(reply.error.body);
    error.number = reply.error.number;
    error.body = reply.error.body;
    finish(error);
    return true;
  };

  shared.checkAborted = function () {
    if (reason !== undefined) throw reason.error;
  };

  define("Error", NumberedError);
  NativeError.prototype.constructor = NumberedError;
  define("ErrorCodes", ErrorCodes);
})
