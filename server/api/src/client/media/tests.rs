//! A file is sent, fetched and shrunk.

use std::io::Cursor;

use axum::body::Body;
use http::{Method, Request, header};
use image::{ImageFormat, RgbImage};
use myelin_testkit::{Answer, TestServer, TestUser};
use serde_json::json;

async fn upload(server: &TestServer, user: &TestUser, query: &str, kind: &str, bytes: Vec<u8>) -> Answer {
    let request = Request::builder()
        .method(Method::POST)
        .uri(format!("/_matrix/media/v3/upload{query}"))
        .header(header::AUTHORIZATION, format!("Bearer {}", user.token))
        .header(header::CONTENT_TYPE, kind)
        .body(Body::from(bytes))
        .expect("a request");
    server.send_raw(request).await
}

/// The address of a file that was sent, as paths have it.
async fn sent(server: &TestServer, user: &TestUser, query: &str, kind: &str, bytes: Vec<u8>) -> String {
    let answer = upload(server, user, query, kind, bytes).await.ok();
    answer["content_uri"].as_str().and_then(|uri| uri.strip_prefix("mxc://")).expect("an address").to_owned()
}

fn picture(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    RgbImage::from_fn(width, height, |x, y| image::Rgb([(x % 256) as u8, (y % 256) as u8, 7]))
        .write_to(&mut bytes, format)
        .expect("an image in memory");
    bytes.into_inner()
}

fn files(server: &TestServer, folder: &str) -> usize {
    std::fs::read_dir(server.folder().join("media").join(folder)).map_or(0, Iterator::count)
}

#[tokio::test]
async fn file_comes_back_as_it_was_with_headers_that_keep_browsers_safe() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let address = sent(&server, &alice, "?filename=t%C3%A9a.txt", "text/plain", b"hello".to_vec()).await;
    let answer = server.get(&bob, &format!("/_matrix/client/v1/media/download/{address}")).await;
    assert_eq!((answer.status.as_u16(), answer.bytes.as_slice()), (200, &b"hello"[..]));
    let header =
        |name: &str| answer.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    assert_eq!(header("content-type"), "text/plain");
    assert_eq!(header("content-length"), "5");
    assert_eq!(header("content-disposition"), "inline; filename*=utf-8''t%C3%A9a.txt");
    assert!(header("content-security-policy").starts_with("sandbox"));
    assert_eq!(header("cross-origin-resource-policy"), "cross-origin");
    assert_eq!(header("x-content-type-options"), "nosniff");
    let named = server.get(&bob, &format!("/_matrix/client/v1/media/download/{address}/other.bin")).await;
    assert_eq!(named.headers["content-disposition"], "inline; filename=other.bin");
    let page = sent(&server, &alice, "", "text/html", b"<script>".to_vec()).await;
    let answer = server.get(&bob, &format!("/_matrix/client/v1/media/download/{page}")).await;
    assert_eq!(answer.headers["content-disposition"], "attachment");
    assert_eq!(files(&server, "uploads"), 0, "nothing is left where uploads are written");
}

#[tokio::test]
async fn token_is_needed_also_on_the_old_paths_unless_configured_otherwise() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let address = sent(&server, &alice, "", "text/plain", b"hello".to_vec()).await;
    let get = async |server: &TestServer, path: &str| {
        server.send(Method::GET, &format!("{path}/download/{address}"), None, None).await
    };
    get(&server, "/_matrix/client/v1/media").await.refused(401, "M_MISSING_TOKEN");
    get(&server, "/_matrix/media/v3").await.refused(404, "M_NOT_FOUND");
    let open = TestServer::start_with("enable_authenticated_media: false").await;
    let alice = open.user("alice").await;
    let address = sent(&open, &alice, "", "text/plain", b"hello".to_vec()).await;
    let path = format!("/_matrix/media/v3/download/{address}");
    assert_eq!(open.send(Method::GET, &path, None, None).await.bytes, b"hello");
}

#[tokio::test]
async fn too_large_a_file_is_refused_and_leaves_nothing() {
    let server = TestServer::start_with("max_upload_size: 10K").await;
    let alice = server.user("alice").await;
    upload(&server, &alice, "", "text/plain", vec![0; 10_241]).await.refused(413, "M_TOO_LARGE");
    let stream = futures_util::stream::iter((0..20).map(|_| Ok::<_, std::io::Error>(vec![0_u8; 1_000])));
    let request = Request::builder()
        .method(Method::POST)
        .uri("/_matrix/media/v3/upload")
        .header(header::AUTHORIZATION, format!("Bearer {}", alice.token))
        .body(Body::from_stream(stream))
        .expect("a request");
    server.send_raw(request).await.refused(413, "M_TOO_LARGE");
    assert_eq!(files(&server, "uploads") + files(&server, "local_content"), 0);
    sent(&server, &alice, "", "text/plain", vec![0; 10_240]).await;
    let config = server.get(&alice, "/_matrix/client/v1/media/config").await.ok();
    assert_eq!(config, json!({ "m.upload.size": 10_240 }));
}

#[tokio::test]
async fn uploads_of_a_user_are_limited_where_configured() {
    let server = TestServer::start_with("media_upload_limits: [{time_period: 1h, max_size: 10K}]").await;
    let alice = server.user("alice").await;
    sent(&server, &alice, "", "text/plain", vec![0; 8_000]).await;
    upload(&server, &alice, "", "text/plain", vec![0; 8_000]).await.refused(403, "M_RESOURCE_LIMIT_EXCEEDED");
    server.advance(std::time::Duration::from_secs(3_601));
    sent(&server, &alice, "", "text/plain", vec![0; 8_000]).await;
}

#[tokio::test]
async fn thumbnails_have_a_configured_size_and_are_never_enlarged() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let large = sent(&server, &alice, "", "image/png", picture(1_000, 500, ImageFormat::Png)).await;
    let small = sent(&server, &alice, "", "image/jpeg", picture(20, 10, ImageFormat::Jpeg)).await;
    let size = async |address: &str, query: &str| {
        let path = format!("/_matrix/client/v1/media/thumbnail/{address}?{query}");
        let answer = server.get(&alice, &path).await;
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.bytes));
        let image = image::load_from_memory(&answer.bytes).expect("an image");
        (image.width(), image.height(), answer.headers["content-type"].to_str().unwrap().to_owned())
    };
    let png = |width, height| (width, height, "image/png".to_owned());
    assert_eq!(size(&large, "width=300&height=200&method=scale").await, png(320, 160));
    assert_eq!(size(&large, "width=300&height=200&method=scale").await, png(320, 160), "kept");
    assert_eq!(size(&large, "width=40&height=40&method=crop").await, png(96, 96));
    assert_eq!(size(&large, "width=5000&height=5000").await, png(800, 400));
    assert_eq!(size(&small, "width=640&height=480").await, (20, 10, "image/jpeg".to_owned()));
}

#[tokio::test]
async fn what_is_no_image_or_too_large_a_one_has_no_thumbnail() {
    let server = TestServer::start_with("max_image_pixels: 1000").await;
    let alice = server.user("alice").await;
    let thumbnail = async |address: &str, query: &str| {
        server.get(&alice, &format!("/_matrix/client/v1/media/thumbnail/{address}?{query}")).await
    };
    let text = sent(&server, &alice, "", "text/plain", b"hello".to_vec()).await;
    let liar = sent(&server, &alice, "", "image/png", b"hello".to_vec()).await;
    let bomb = sent(&server, &alice, "", "image/png", picture(100, 100, ImageFormat::Png)).await;
    for address in [text, liar, bomb] {
        thumbnail(&address, "width=10&height=10").await.refused(400, "M_UNKNOWN");
    }
    thumbnail("myelin.test/x", "width=10").await.refused(400, "M_INVALID_PARAM");
    thumbnail("myelin.test/unknownunknown", "width=10&height=10").await.refused(404, "M_NOT_FOUND");
    let get = async |address: &str| {
        server.get(&alice, &format!("/_matrix/client/v1/media/download/{address}")).await
    };
    get("elsewhere.test/abcdefgh").await.refused(404, "M_NOT_FOUND");
    get("myelin.test/..%2F..%2Fsecret").await.refused(404, "M_NOT_FOUND");
}
