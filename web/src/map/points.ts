// Many points on a canvas: with WebGL 2, which can draw a vocabulary in every frame, or on a 2D canvas without it.

/** The camera: the centre in the map's units, and the pixels (of the page) per unit. */
export interface Camera {
  x: number;
  y: number;
  scale: number;
}

export interface Painter {
  readonly fast: boolean;
  points(xy: Float32Array): void;
  /** Four bytes per point: red, green, blue, opacity. */
  colours(rgba: Uint8Array): void;
  draw(camera: Camera, size: number): void;
  close(): void;
}

/** `fast`: by WebGL, where the browser has it. A canvas that was WebGL's stays so. */
export function painter(canvas: HTMLCanvasElement, fast = true): Painter {
  const gl =
    fast && canvas.getContext("webgl2", { antialias: false, premultipliedAlpha: true, preserveDrawingBuffer: true });
  return gl ? byWebGL(canvas, gl) : byHand(canvas);
}

const vertexShader = `#version 300 es
in vec2 at;
in vec4 colour;
uniform vec2 centre, zoom;
uniform float size;
out vec4 ink;
void main() {
  gl_Position = vec4((at - centre) * zoom, 0.0, 1.0);
  gl_PointSize = size;
  ink = colour;
}`;

const fragmentShader = `#version 300 es
precision mediump float;
in vec4 ink;
out vec4 paint;
void main() {
  float from_centre = length(gl_PointCoord - 0.5) * 2.0;
  float opacity = ink.a * (1.0 - smoothstep(0.7, 1.0, from_centre));
  paint = vec4(ink.rgb * opacity, opacity);
}`;

function program(gl: WebGL2RenderingContext): WebGLProgram {
  const made = gl.createProgram()!;
  for (const [kind, source] of [
    [gl.VERTEX_SHADER, vertexShader],
    [gl.FRAGMENT_SHADER, fragmentShader],
  ] as const) {
    const shader = gl.createShader(kind)!;
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(made, shader);
  }
  gl.linkProgram(made);
  if (!gl.getProgramParameter(made, gl.LINK_STATUS) && !gl.isContextLost())
    throw new Error(gl.getProgramInfoLog(made) ?? "WebGL");
  return made;
}

function byWebGL(canvas: HTMLCanvasElement, gl: WebGL2RenderingContext): Painter {
  let count = 0;
  let xy = new Float32Array();
  let rgba = new Uint8Array();
  let shader: WebGLProgram;
  let buffers: WebGLBuffer[] = [];
  const fill = (which: number, data: Float32Array | Uint8Array) => {
    gl.bindBuffer(gl.ARRAY_BUFFER, buffers[which]);
    gl.bufferData(gl.ARRAY_BUFFER, data, gl.DYNAMIC_DRAW);
  };
  const set = () => {
    shader = program(gl);
    buffers = [gl.createBuffer()!, gl.createBuffer()!];
    gl.useProgram(shader);
    [
      ["at", 2, gl.FLOAT, false],
      ["colour", 4, gl.UNSIGNED_BYTE, true],
    ].forEach(([name, size, type, norm], i) => {
      const place = gl.getAttribLocation(shader, name as string);
      gl.bindBuffer(gl.ARRAY_BUFFER, buffers[i]);
      gl.enableVertexAttribArray(place);
      gl.vertexAttribPointer(place, size as number, type as number, norm as boolean, 0, 0);
    });
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    (fill(0, xy), fill(1, rgba));
  };
  set();
  return {
    fast: true,
    points: (data) => ((xy = data as typeof xy), (count = data.length / 2), fill(0, xy)),
    colours: (data) => ((rgba = data as typeof rgba), fill(1, rgba)),
    draw(camera, size) {
      const ratio = canvas.width / Math.max(1, canvas.clientWidth);
      gl.viewport(0, 0, canvas.width, canvas.height);
      gl.clearColor(0, 0, 0, 0);
      gl.clear(gl.COLOR_BUFFER_BIT);
      if (!count || rgba.length < count * 4 || gl.isContextLost()) return;
      gl.uniform2f(gl.getUniformLocation(shader, "centre"), camera.x, camera.y);
      gl.uniform2f(
        gl.getUniformLocation(shader, "zoom"),
        (2 * camera.scale) / canvas.clientWidth,
        (2 * camera.scale) / canvas.clientHeight,
      );
      gl.uniform1f(gl.getUniformLocation(shader, "size"), size * ratio);
      gl.drawArrays(gl.POINTS, 0, count);
    },
    close: () => buffers.forEach((b) => gl.deleteBuffer(b)), // of a lost context this does nothing
  };
}

function byHand(canvas: HTMLCanvasElement): Painter {
  const ink = canvas.getContext("2d")!;
  let xy = new Float32Array();
  let rgba = new Uint8Array();
  return {
    fast: false,
    points: (data) => void (xy = data as typeof xy),
    colours: (data) => void (rgba = data as typeof rgba),
    draw(camera, size) {
      const ratio = canvas.width / Math.max(1, canvas.clientWidth);
      ink.setTransform(ratio, 0, 0, ratio, 0, 0);
      ink.clearRect(0, 0, canvas.clientWidth, canvas.clientHeight);
      const [w, h] = [canvas.clientWidth / 2, canvas.clientHeight / 2];
      for (let i = 0; i < xy.length / 2; ++i) {
        if (rgba[4 * i + 3] === 0) continue;
        ink.fillStyle = `rgba(${rgba[4 * i]},${rgba[4 * i + 1]},${rgba[4 * i + 2]},${rgba[4 * i + 3] / 255})`;
        ink.fillRect(
          w + (xy[2 * i] - camera.x) * camera.scale - size / 2,
          h - (xy[2 * i + 1] - camera.y) * camera.scale - size / 2,
          size,
          size,
        );
      }
    },
    close() {},
  };
}

/** The camera that shows all points except the farthest 0.1 %. */
export function fit(xy: Float32Array, width: number, height: number): Camera {
  const range = (axis: 0 | 1): [number, number] => {
    const values = Float32Array.from({ length: xy.length / 2 }, (_, i) => xy[2 * i + axis])
      .filter(Number.isFinite)
      .sort();
    const skip = values.length > 2000 ? Math.floor(values.length / 1000) : 0;
    return [values[skip] ?? 0, values[values.length - 1 - skip] ?? 1];
  };
  const [[x0, x1], [y0, y1]] = [range(0), range(1)];
  const scale = 0.9 * Math.min(width / Math.max(1e-9, x1 - x0), height / Math.max(1e-9, y1 - y0));
  return { x: (x0 + x1) / 2, y: (y0 + y1) / 2, scale: Number.isFinite(scale) && scale > 0 ? scale : 1 };
}
