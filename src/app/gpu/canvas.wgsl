// Lays a finished picture on the screen.

struct Show {
    // The part of the texture that the picture fills, and the middle of its last texels.
    filled: vec4f,
    // x is 1 where the screen wants linear light.
    screen: vec4f,
}

@group(0) @binding(0) var<uniform> show: Show;
@group(0) @binding(1) var picture_sampler: sampler;
@group(0) @binding(2) var picture: texture_2d<f32>;

struct Screen {
    @builtin(position) position: vec4f,
    @location(0) uv: vec2f,
}

// One triangle that covers the whole view.
@vertex
fn cover(@builtin(vertex_index) corner: u32) -> Screen {
    let uv = vec2f(f32((corner << 1u) & 2u), f32(corner & 2u));
    return Screen(vec4f(uv.x * 2.0 - 1.0, 1.0 - uv.y * 2.0, 0.0, 1.0), uv);
}

@fragment
fn present(screen: Screen) -> @location(0) vec4f {
    let uv = min(screen.uv * show.filled.xy, show.filled.zw);
    let color = textureSampleLevel(picture, picture_sampler, uv, 0.0);
    if show.screen.x > 0.0 {
        return vec4f(pow(color.rgb, vec3f(2.2)), color.a);
    }
    return color;
}
