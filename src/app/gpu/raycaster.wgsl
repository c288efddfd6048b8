// Draws labels as lit surfaces, the image as a maximum intensity projection, and slices through it.
//
// A ray is straight in every space that an affine makes of the world, so it is followed in the texels of whichever
// texture is sampled; distances along it, `t`, are millimetres in all of them. Colours are as the screen wants them (not
// linear light) and premultiplied.

struct View {
    // The ray through the middle, how it shifts towards the right and the upper edge, where it gets to in 1 mm.
    // In box coordinates: 0 to 1 across the volume, from voxel edge to voxel edge.
    start: vec4f,
    across: vec4f,
    upward: vec4f,
    ahead: vec4f,
    // Texels of the labels from box coordinates: scale, then offset. label_size.w counts the channels, 0 without labels.
    label_scale: vec4f,
    label_offset: vec4f,
    label_size: vec4f,
    // Texels of the image from box coordinates. image_size.w is 1 where there is an image.
    image_scale: vec4f,
    image_size: vec4f,
    // The view's direction from a gradient along the label texels' axes, column by column.
    gradient_x: vec4f,
    gradient_y: vec4f,
    gradient_z: vec4f,
    // Slices: box coordinates where each axis is cut; w is 1 where slices are drawn.
    cuts: vec4f,
    // Texel values shown black and white; the labels' share where labels and projection are shown together.
    window: vec4f,
    // Millimetres between samples of the labels and of the image.
    steps: vec4f,
    // Distance of the nearest thing shown, and 1 / the depth of all.
    depth: vec4f,
    // Shift of the whole picture, in units of half its size; the shift of the first sample, 0 to 1.
    jitter: vec4f,
    // What is drawn: surfaces, projection.
    layers: vec4f,
}

@group(0) @binding(0) var<uniform> view: View;
@group(0) @binding(1) var smooth_sampler: sampler;
@group(0) @binding(2) var occupancy: texture_3d<f32>;
@group(0) @binding(3) var label_index: texture_3d<u32>;
@group(0) @binding(4) var skip_distance: texture_3d<u32>;
@group(0) @binding(5) var label_colors: texture_2d<f32>;
@group(0) @binding(6) var image: texture_3d<f32>;
@group(0) @binding(7) var image_peaks: texture_3d<f32>;

const SKIP_BLOCK: f32 = 4.0;
const PEAK_BLOCK: f32 = 8.0;
const SURFACE: f32 = 0.5;
const FAR: f32 = 1e30;

struct Screen {
    @builtin(position) position: vec4f,
    @location(0) ndc: vec2f,
}

// One triangle that covers the whole picture.
@vertex
fn cover(@builtin(vertex_index) corner: u32) -> Screen {
    let ndc = vec2f(f32((corner << 1u) & 2u), f32(corner & 2u)) * 2.0 - 1.0;
    return Screen(vec4f(ndc, 0.0, 1.0), ndc);
}

// A ray in some texture's texels: point(t) = start + ahead * t.
struct Ray {
    start: vec3f,
    ahead: vec3f,
    inverse: vec3f,
}

fn ray_in(start: vec3f, ahead: vec3f) -> Ray {
    // A ray along a wall of the box must not divide by zero.
    let tiny = vec3f(1e-12);
    let safe = select(ahead, select(tiny, -tiny, ahead < vec3f(0.0)), abs(ahead) < tiny);
    return Ray(start, safe, 1.0 / safe);
}

// Where the ray enters and leaves the box from `low` to `high`.
fn span(ray: Ray, low: vec3f, high: vec3f) -> vec2f {
    let a = (low - ray.start) * ray.inverse;
    let b = (high - ray.start) * ray.inverse;
    let near = min(a, b);
    let far = max(a, b);
    return vec2f(max(max(near.x, near.y), near.z), min(min(far.x, far.y), far.z));
}

fn noise(pixel: vec2f) -> f32 {
    // Interleaved gradient noise (Jimenez 2014): neighbouring pixels differ as much as they can.
    return fract(52.9829189 * fract(dot(pixel, vec2f(0.06711056, 0.00583715))) + view.jitter.z);
}

// ---- Labels ----

// The smoothed masks at a point. A texture of fewer than four channels reads as opaque in the last, which is no mask.
fn fields(texel: vec3f) -> vec4f {
    let read = textureSampleLevel(occupancy, smooth_sampler, texel / view.label_size.xyz, 0.0);
    return select(vec4f(0.0), read, vec4f(0.0, 1.0, 2.0, 3.0) < vec4f(view.label_size.w));
}

// One of the four channels, or all of them together, by weight.
fn field(texel: vec3f, weights: vec4f) -> f32 {
    return dot(fields(texel), weights);
}

const ALL: vec4f = vec4f(1.0);
const OUTSIDE: i32 = -1;

// The channel that a point belongs to: the strongest, where all together are above the surface level.
fn channel_of(masks: vec4f) -> i32 {
    if dot(masks, ALL) < SURFACE {
        return OUTSIDE;
    }
    let strongest = max(max(masks.x, masks.y), max(masks.z, masks.w));
    if masks.x == strongest { return 0; }
    if masks.y == strongest { return 1; }
    if masks.z == strongest { return 2; }
    return 3;
}

// The colour and opacity of the label that is nearest to a point, one of `channel` if any is near.
fn label_color(texel: vec3f, channel: i32) -> vec4f {
    let base = floor(texel - 0.5);
    let part = texel - 0.5 - base;
    let last = vec3i(view.label_size.xyz) - 1;
    var nearest = 0u;
    var most = -1.0;
    for (var corner = 0u; corner < 8u; corner++) {
        let offset = vec3u(corner & 1u, (corner >> 1u) & 1u, corner >> 2u);
        let at = clamp(vec3i(base) + vec3i(offset), vec3i(0), last);
        let value = textureLoad(label_index, at, 0).r;
        let weights = select(1.0 - part, part, offset == vec3u(1u));
        let preference = select(0.001, 1.0, i32(value >> 14u) == channel);
        let weight = preference * weights.x * weights.y * weights.z;
        if value != 0u && weight > most {
            most = weight;
            nearest = value & 0x3fffu;
        }
    }
    if nearest == 0u {
        return vec4f(0.0);
    }
    let position = nearest - 1u;
    return textureLoad(label_colors, vec2u(position & 255u, position >> 8u), 0);
}

fn gradient(texel: vec3f, weights: vec4f) -> vec3f {
    const REACH: f32 = 1.0;
    let x = vec3f(REACH, 0.0, 0.0);
    let y = vec3f(0.0, REACH, 0.0);
    let z = vec3f(0.0, 0.0, REACH);
    return vec3f(
        field(texel + x, weights) - field(texel - x, weights),
        field(texel + y, weights) - field(texel - y, weights),
        field(texel + z, weights) - field(texel - z, weights),
    );
}

// How little of the surroundings a point of a surface sees, from the fields before it: folds and gaps darken.
fn openness(texel: vec3f, outward: vec3f) -> f32 {
    var closed = 0.0;
    var weight = 0.5;
    for (var distance = 2.0; distance < 9.0; distance *= 2.0) {
        closed += weight * min(field(texel + outward * distance, ALL), 1.0);
        weight *= 0.6;
    }
    return 1.0 - 0.75 * min(closed, 1.0);
}

// A lamp beside the person's head, a little above; as matt as plaster with a soft shine.
fn lit(color: vec3f, texel: vec3f, weights: vec4f, t: f32) -> vec3f {
    let slope = gradient(texel, weights);
    let inward = view.gradient_x.xyz * slope.x + view.gradient_y.xyz * slope.y + view.gradient_z.xyz * slope.z;
    var normal = -inward / max(length(inward), 1e-6);
    normal.z = abs(normal.z);
    let lamp = normalize(vec3f(-0.35, 0.45, 1.0));
    let halfway = normalize(lamp + vec3f(0.0, 0.0, 1.0));
    let diffuse = 0.24 + 0.76 * max(dot(normal, lamp) * 0.88 + 0.12, 0.0);
    let shine = 0.1 * pow(max(dot(normal, halfway), 0.0), 48.0);
    let open = openness(texel, -slope / max(length(slope), 1e-6));
    let nearness = 1.0 - 0.38 * clamp((t - view.depth.x) * view.depth.y, 0.0, 1.0);
    let light = pow(color, vec3f(2.2)) * diffuse * open + shine * open;
    return pow(light * nearness, vec3f(1.0 / 2.2));
}

// Where, between two samples, a ray gets into a channel.
fn crossing(ray: Ray, channel: i32, before: f32, after: f32) -> f32 {
    var low = before;
    var high = after;
    for (var n = 0; n < 5; n++) {
        let middle = 0.5 * (low + high);
        if channel_of(fields(ray.start + ray.ahead * middle)) == channel {
            high = middle;
        } else {
            low = middle;
        }
    }
    return high;
}

// The surfaces along a ray up to `until`: of the labelled body, and within it from label to label.
fn surfaces(ray: Ray, until: f32, first: f32) -> vec4f {
    let inside = span(ray, vec3f(0.0), view.label_size.xyz);
    let end = min(inside.y, until);
    let step = view.steps.x;
    let last_block = vec3i(textureDimensions(skip_distance)) - 1;
    var next = inside.x + step * first;
    var before = OUTSIDE;
    var color = vec4f(0.0);
    if inside.x >= end {
        return color;
    }
    for (var n = 0; n < 4096; n++) {
        // The last sample lies on the end itself, so that slices cut bodies cleanly.
        let t = min(next, end);
        let texel = ray.start + ray.ahead * t;
        let block = clamp(vec3i(floor(texel / SKIP_BLOCK)), vec3i(0), last_block);
        let free = i32(textureLoad(skip_distance, block, 0).r);
        if free > 0 {
            let low = vec3f(block - (free - 1)) * SKIP_BLOCK;
            let high = vec3f(block + free) * SKIP_BLOCK;
            next = max(span(ray, low, high).y, t) + step * 0.05;
            before = OUTSIDE;
        } else {
            let now = channel_of(fields(texel));
            if now != before && now != OUTSIDE {
                let hit = crossing(ray, now, t - step, t);
                let at = ray.start + ray.ahead * hit;
                let label = label_color(at, now);
                let one = select(vec4f(0.0), ALL, vec4i(0, 1, 2, 3) == vec4i(now));
                let weights = select(one, ALL, before == OUTSIDE);
                color += (1.0 - color.a) * label.a * vec4f(lit(label.rgb, at, weights, hit), 1.0);
            }
            before = now;
            next = t + step;
        }
        if t >= end || color.a > 0.99 {
            break;
        }
    }
    return color;
}

// ---- Image ----

fn windowed(value: f32) -> f32 {
    return clamp((value - view.window.x) / max(view.window.y - view.window.x, 1e-6), 0.0, 1.0);
}

// The greatest value along a ray, as a grey.
fn projection(ray: Ray, extent: vec3f, first: f32) -> f32 {
    let inside = span(ray, vec3f(0.0), extent);
    let step = view.steps.y;
    let last_block = vec3i(textureDimensions(image_peaks)) - 1;
    // Nothing below the window's black can be seen, and nothing above its white makes a difference.
    var greatest = view.window.x;
    var next = inside.x + step * first;
    var block_end = -FAR;
    if inside.x >= inside.y {
        return 0.0;
    }
    for (var n = 0; n < 4096; n++) {
        // The last sample lies on the end itself, so that rays through a corner of the box are not missed.
        let t = min(next, inside.y);
        let texel = ray.start + ray.ahead * t;
        var is_dark = false;
        if t >= block_end {
            let block = clamp(vec3i(floor(texel / PEAK_BLOCK)), vec3i(0), last_block);
            block_end = max(span(ray, vec3f(block) * PEAK_BLOCK, vec3f(block + 1) * PEAK_BLOCK).y, t) + step * 0.01;
            is_dark = textureLoad(image_peaks, block, 0).r <= greatest;
        }
        if is_dark {
            next = block_end;
        } else {
            greatest = max(greatest, textureSampleLevel(image, smooth_sampler, texel / view.image_size.xyz, 0.0).r);
            next = t + step;
        }
        if t >= inside.y || greatest >= view.window.y {
            break;
        }
    }
    return windowed(greatest);
}

// The nearest of the three slices: its distance, FAR where the ray meets none, and its grey.
fn slice(start: vec3f, ahead: vec3f) -> vec2f {
    var nearest = FAR;
    let inverse = ray_in(start, ahead).inverse;
    for (var axis = 0u; axis < 3u; axis++) {
        let pick = select(vec3f(0.0), vec3f(1.0), vec3u(0u, 1u, 2u) == vec3u(axis));
        let t = dot((view.cuts.xyz - start) * inverse, pick);
        let at = mix(start + ahead * t, view.cuts.xyz, pick);
        if t < nearest && all(at >= vec3f(0.0)) && all(at <= vec3f(1.0)) {
            nearest = t;
        }
    }
    let texel = (start + ahead * nearest) * view.image_scale.xyz;
    if nearest == FAR {
        return vec2f(FAR, 0.0);
    }
    return vec2f(nearest, windowed(textureSampleLevel(image, smooth_sampler, texel / view.image_size.xyz, 0.0).r));
}

@fragment
fn trace(screen: Screen) -> @location(0) vec4f {
    let ndc = screen.ndc + view.jitter.xy;
    let start = view.start.xyz + view.across.xyz * ndc.x + view.upward.xyz * ndc.y;
    let ahead = view.ahead.xyz;
    let first = noise(screen.position.xy);
    var cut = vec2f(FAR, 0.0);
    if view.cuts.w > 0.0 && view.image_size.w > 0.0 {
        cut = slice(start, ahead);
    }
    var color = vec4f(0.0);
    if view.layers.x > 0.0 && view.label_size.w > 0.0 {
        let scale = view.label_scale.xyz;
        color = surfaces(ray_in(start * scale + view.label_offset.xyz, ahead * scale), cut.x, first);
    }
    if cut.x < FAR {
        color += (1.0 - color.a) * vec4f(vec3f(cut.y), 1.0);
    }
    if view.layers.y > 0.0 && view.image_size.w > 0.0 {
        let scale = view.image_scale.xyz;
        let gray = projection(ray_in(start * scale, ahead * scale), scale, first);
        let share = view.window.z;
        let veil = gray * (1.0 - share * color.a);
        color = vec4f(color.rgb * share + veil, max(color.a * share, 0.0) + (1.0 - color.a * share) * gray);
    }
    return color;
}
