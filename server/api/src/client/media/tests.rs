use std::{io::Cursor, path::Path, time::Duration};

use axum::body::Body;
use bytes::Bytes;
use http::{Method, Request, header};
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use myelin_testkit::{Answer, TestServer, TestUser};
use serde_json::{Value, json};

const UPLOAD: &str = "/_matrix/media/v3/upload";
const CREATE: &str = "/_matrix/media/v1/create";

async fn send(
    server: &TestServer,
    user: &TestUser,
    method: Method,
    path: &str,
    media_type: &str,
    body: Body,
) -> Answer {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::AUTHORIZATION, format!("Bearer {}", user.token))
        .header(header::CONTENT_TYPE, media_type)
        .body(body)
        .unwrap();
    server.send_raw(request).await
}

async fn upload(server: &TestServer, user: &TestUser, media_type: &str, bytes: Vec<u8>) -> String {
    let sent = send(server, user, Method::POST, UPLOAD, media_type, Body::from(bytes)).await.ok();
    id(&sent)
}

fn id(answer: &Value) -> String {
    answer["content_uri"].as_str().unwrap().strip_prefix("mxc://myelin.test/").unwrap().to_owned()
}

fn download(media_id: &str) -> String {
    format!("/_matrix/client/v1/media/download/myelin.test/{media_id}")
}

fn thumbnail(media_id: &str, query: &str) -> String {
    format!("/_matrix/client/v1/media/thumbnail/myelin.test/{media_id}?{query}")
}

fn header_of<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
}

fn image(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let image = RgbImage::from_pixel(width, height, Rgb([200, 30, 30]));
    DynamicImage::from(image).write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn size_of(answer: &Answer) -> (u32, u32) {
    let image = image::load_from_memory(&answer.bytes).unwrap();
    (image.width(), image.height())
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    entries
        .map(|entry| entry.unwrap().path())
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path.display().to_string()] })
        .collect()
}

#[tokio::test]
async fn file_comes_back_as_it_was_sent_and_lies_where_synapse_puts_it() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let bytes = vec![7; 100_000];
    let media_id = upload(&server, &alice, "image/png", bytes.clone()).await;
    let answer = server.get(&alice, &download(&media_id)).await;
    assert_eq!((answer.status.as_u16(), &answer.bytes), (200, &bytes));
    assert_eq!(header_of(&answer, "content-type"), "image/png");
    assert_eq!(header_of(&answer, "content-length"), "100000");
    assert_eq!(header_of(&answer, "content-disposition"), "inline");
    let place = format!("media/local_content/{}/{}/{}", &media_id[..2], &media_id[2..4], &media_id[4..]);
    assert_eq!(std::fs::read(server.folder().join(place)).unwrap(), bytes);
    assert_eq!(files(&server.folder().join("media/tmp")), Vec::<String>::new());
}

#[tokio::test]
async fn browser_is_told_to_trust_nothing() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let media_id = upload(&server, &alice, "text/html", b"<script>".to_vec()).await;
    let answer = server.get(&alice, &download(&media_id)).await;
    assert_eq!(header_of(&answer, "content-type"), "text/html; charset=UTF-8");
    assert_eq!(header_of(&answer, "content-disposition"), "attachment");
    assert!(header_of(&answer, "content-security-policy").starts_with("sandbox; default-src 'none'"));
    assert_eq!(header_of(&answer, "cross-origin-resource-policy"), "cross-origin");
    assert_eq!(header_of(&answer, "x-content-type-options"), "nosniff");
}

#[tokio::test]
async fn name_is_that_of_the_upload_or_of_the_path() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let path = format!("{UPLOAD}?filename=a%20cat.png");
    let sent = send(&server, &alice, Method::POST, &path, "image/svg+xml", Body::from("x")).await.ok();
    let path = download(&id(&sent));
    let answer = server.get(&alice, &path).await;
    assert_eq!(header_of(&answer, "content-disposition"), "attachment; filename*=utf-8''a%20cat.png");
    let answer = server.get(&alice, &format!("{path}/dog.png")).await;
    assert_eq!(header_of(&answer, "content-disposition"), "attachment; filename=dog.png");
}

#[tokio::test]
async fn client_that_has_the_file_is_not_sent_it_again() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let media_id = upload(&server, &alice, "image/png", vec![1]).await;
    let request = Request::get(download(&media_id))
        .header(header::AUTHORIZATION, format!("Bearer {}", alice.token))
        .header(header::IF_NONE_MATCH, "1")
        .body(Body::empty())
        .unwrap();
    let answer = server.send_raw(request).await;
    assert_eq!((answer.status.as_u16(), answer.bytes.len()), (304, 0));
}

#[tokio::test]
async fn new_media_is_shown_only_to_those_who_are_logged_in() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let media_id = upload(&server, &alice, "image/png", image(50, 50, ImageFormat::Png)).await;
    server.send(Method::GET, &download(&media_id), None, None).await.refused(401, "M_MISSING_TOKEN");
    for old in [
        format!("/_matrix/media/v3/download/myelin.test/{media_id}"),
        format!("/_matrix/media/v3/download/myelin.test/{media_id}/a.png"),
        format!("/_matrix/media/v3/thumbnail/myelin.test/{media_id}?width=32&height=32"),
    ] {
        server.send(Method::GET, &old, None, None).await.refused(404, "M_NOT_FOUND");
    }
    let server = TestServer::start_with("enable_authenticated_media: false").await;
    let alice = server.user("alice").await;
    let media_id = upload(&server, &alice, "image/png", image(50, 50, ImageFormat::Png)).await;
    for old in [
        format!("/_matrix/media/r0/download/myelin.test/{media_id}"),
        format!("/_matrix/media/v3/download/myelin.test/{media_id}/a.png"),
        format!("/_matrix/media/v3/thumbnail/myelin.test/{media_id}?width=32&height=32"),
    ] {
        assert_eq!(server.send(Method::GET, &old, None, None).await.status, 200, "{old}");
    }
}

#[tokio::test]
async fn what_is_not_there_and_what_is_elsewhere_is_not_found() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    server.get(&alice, &download("nothing")).await.refused(404, "M_NOT_FOUND");
    server.get(&alice, &download("..%2F..%2Fhomeserver.yaml")).await.refused(404, "M_NOT_FOUND");
    let elsewhere = "/_matrix/client/v1/media/download/elsewhere.test/abc";
    server.get(&alice, elsewhere).await.refused(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn file_that_is_too_large_leaves_nothing() {
    let server = TestServer::start_with("max_upload_size: 1K").await;
    let alice = server.user("alice").await;
    let config = server.get(&alice, "/_matrix/client/v1/media/config").await.ok();
    assert_eq!(config, json!({ "m.upload.size": 1024 }));
    assert_eq!(server.get(&alice, "/_matrix/media/v3/config").await.ok(), config);
    let announced = send(&server, &alice, Method::POST, UPLOAD, "a/b", Body::from(vec![0; 1025])).await;
    announced.refused(413, "M_TOO_LARGE");
    let pieces: Vec<Result<Bytes, std::io::Error>> =
        (0..3).map(|_| Ok(Bytes::from_static(&[0; 512]))).collect();
    let streamed = Body::from_stream(futures_util::stream::iter(pieces));
    send(&server, &alice, Method::POST, UPLOAD, "a/b", streamed).await.refused(413, "M_TOO_LARGE");
    assert_eq!(files(&server.folder().join("media")), Vec::<String>::new());
    upload(&server, &alice, "a/b", vec![0; 1024]).await;
}

#[tokio::test]
async fn upload_that_breaks_off_leaves_nothing() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let pieces = [Ok(Bytes::from_static(b"half")), Err(std::io::Error::other("gone"))];
    let body = Body::from_stream(futures_util::stream::iter(pieces));
    send(&server, &alice, Method::POST, UPLOAD, "a/b", body).await.refused(400, "M_UNKNOWN");
    assert_eq!(files(&server.folder().join("media")), Vec::<String>::new());
}

#[tokio::test]
async fn address_can_be_made_first_and_filled_once_by_its_user() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let made = server.post(&alice, CREATE, json!({})).await.ok();
    assert_eq!(made["unused_expires_at"], json!(server.clock.now_ts() + 24 * 3600 * 1000));
    let media_id = id(&made);
    let early = format!("{}?timeout_ms=0", download(&media_id));
    server.get(&bob, &early).await.refused(504, "M_NOT_YET_UPLOADED");
    let path = format!("{UPLOAD}/myelin.test/{media_id}");
    let fill =
        |user, bytes: &'static str| send(&server, user, Method::PUT, &path, "text/plain", bytes.into());
    fill(&bob, "b").await.refused(403, "M_FORBIDDEN");
    let late = download(&media_id);
    let (waiting, filled) = tokio::join!(server.get(&bob, &late), fill(&alice, "a"));
    filled.ok();
    assert_eq!((waiting.status.as_u16(), waiting.bytes), (200, b"a".to_vec()));
    fill(&alice, "c").await.refused(409, "M_CANNOT_OVERWRITE_MEDIA");
    assert_eq!(server.get(&bob, &download(&media_id)).await.bytes, b"a");
    let unknown = format!("{UPLOAD}/myelin.test/unknown");
    send(&server, &alice, Method::PUT, &unknown, "a/b", "x".into()).await.refused(404, "M_NOT_FOUND");
    let elsewhere = format!("{UPLOAD}/elsewhere.test/{media_id}");
    send(&server, &alice, Method::PUT, &elsewhere, "a/b", "x".into()).await.refused(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn addresses_expire_and_only_some_may_wait() {
    let server = TestServer::start_with("max_pending_media_uploads: 2\nunused_expiration_time: 1h").await;
    let alice = server.user("alice").await;
    let first = id(&server.post(&alice, CREATE, json!({})).await.ok());
    server.advance(Duration::from_secs(60));
    server.post(&alice, CREATE, json!({})).await.ok();
    let refused = server.post(&alice, CREATE, json!({})).await.refused(429, "M_LIMIT_EXCEEDED");
    assert_eq!(refused["retry_after_ms"], json!(59 * 60 * 1000));
    server.advance(Duration::from_secs(3600 - 60));
    let path = format!("{UPLOAD}/myelin.test/{first}");
    send(&server, &alice, Method::PUT, &path, "a/b", "x".into()).await.refused(404, "M_NOT_FOUND");
    server.get(&alice, &download(&first)).await.refused(404, "M_NOT_FOUND");
    server.post(&alice, CREATE, json!({})).await.ok();
}

#[tokio::test]
async fn user_may_send_only_so_much_in_a_time() {
    let settings = "media_upload_limits: [{time_period: 1h, max_size: 1K}]";
    let server = TestServer::start_with(settings).await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    upload(&server, &alice, "a/b", vec![0; 600]).await;
    let much = send(&server, &alice, Method::POST, UPLOAD, "a/b", vec![0; 600].into()).await;
    much.refused(400, "M_RESOURCE_LIMIT_EXCEEDED");
    upload(&server, &bob, "a/b", vec![0; 600]).await;
    server.advance(Duration::from_secs(3601));
    upload(&server, &alice, "a/b", vec![0; 600]).await;
}

#[tokio::test]
async fn uploads_at_the_same_time_do_not_pass_the_limit_together() {
    let settings = "media_upload_limits: [{time_period: 1h, max_size: 1K}]";
    let server = TestServer::start_with(settings).await;
    let alice = server.user("alice").await;
    let one = || send(&server, &alice, Method::POST, UPLOAD, "a/b", vec![0; 600].into());
    let answers = futures_util::future::join_all((0..5).map(|_| one())).await;
    let kept = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(kept, 1);
    assert_eq!(files(&server.folder().join("media")).len(), 1);
}

#[tokio::test]
async fn file_counts_when_it_is_sent_not_when_its_address_was_made() {
    let settings = "media_upload_limits: [{time_period: 1h, max_size: 1K}]";
    let server = TestServer::start_with(settings).await;
    let alice = server.user("alice").await;
    let address = id(&server.post(&alice, CREATE, json!({})).await.ok());
    server.advance(Duration::from_secs(2 * 3600));
    let path = format!("/_matrix/media/v3/upload/myelin.test/{address}");
    send(&server, &alice, Method::PUT, &path, "a/b", vec![0; 600].into()).await.ok();
    let much = send(&server, &alice, Method::POST, UPLOAD, "a/b", vec![0; 600].into()).await;
    much.refused(400, "M_RESOURCE_LIMIT_EXCEEDED");
}

#[tokio::test]
async fn thumbnails_have_the_configured_sizes_and_are_kept() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let media_id = upload(&server, &alice, "image/png", image(1000, 500, ImageFormat::Png)).await;
    for (query, size) in [
        ("width=20&height=20&method=crop", (32, 32)),
        ("width=64&height=64&method=crop", (96, 96)),
        ("width=100&height=100&method=scale", (320, 160)),
        ("width=100&height=100", (320, 160)),
        ("width=4000&height=4000&method=scale", (800, 400)),
    ] {
        for _ in 0..2 {
            let answer = server.get(&alice, &thumbnail(&media_id, query)).await;
            assert_eq!((answer.status.as_u16(), size_of(&answer)), (200, size), "{query}");
            assert_eq!(header_of(&answer, "content-type"), "image/png");
        }
    }
    let place = format!(
        "media/local_thumbnails/{}/{}/{}/32-32-image-png-crop",
        &media_id[..2],
        &media_id[2..4],
        &media_id[4..]
    );
    assert!(server.folder().join(place).exists());
}

#[tokio::test]
async fn every_kind_of_image_gets_a_thumbnail_in_any_size_if_the_configuration_says_so() {
    let server = TestServer::start_with("dynamic_thumbnails: true").await;
    let alice = server.user("alice").await;
    for (format, media_type) in [
        (ImageFormat::Png, "image/png"),
        (ImageFormat::Gif, "image/png"),
        (ImageFormat::Jpeg, "image/jpeg"),
        (ImageFormat::WebP, "image/jpeg"),
    ] {
        let media_id = upload(&server, &alice, "image/any", image(100, 50, format)).await;
        let path = thumbnail(&media_id, "width=37&height=40&method=crop&animated=true");
        let answer = server.get(&alice, &path).await;
        assert_eq!((answer.status.as_u16(), size_of(&answer)), (200, (37, 40)));
        assert_eq!(header_of(&answer, "content-type"), media_type);
        let larger = server.get(&alice, &thumbnail(&media_id, "width=640&height=480&method=scale")).await;
        assert_eq!(size_of(&larger), (100, 50), "nothing gets larger than it is");
    }
}

#[tokio::test]
async fn what_cannot_be_made_small_is_refused() {
    let server = TestServer::start_with("max_image_pixels: 1K").await;
    let alice = server.user("alice").await;
    let text = upload(&server, &alice, "image/png", b"no image".to_vec()).await;
    let query = "width=32&height=32&method=crop";
    server.get(&alice, &thumbnail(&text, query)).await.refused(400, "M_UNKNOWN");
    let large = upload(&server, &alice, "image/png", image(100, 100, ImageFormat::Png)).await;
    server.get(&alice, &thumbnail(&large, query)).await.refused(413, "M_TOO_LARGE");
    for query in ["width=0&height=1", "width=9999&height=1", "width=1&height=1&method=x", "width=a&height=1"]
    {
        server.get(&alice, &thumbnail(&large, query)).await.refused(400, "M_INVALID_PARAM");
    }
    server.get(&alice, &thumbnail(&large, "width=1")).await.refused(400, "M_MISSING_PARAM");
    server.get(&alice, &thumbnail("nothing", "width=1&height=1")).await.refused(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn what_a_crash_left_of_uploads_is_gone_after_the_start() {
    let mut server = TestServer::start().await;
    let alice = server.user("alice").await;
    let media_id = upload(&server, &alice, "text/plain", b"whole".to_vec()).await;
    let unfinished = server.folder().join("media/tmp/unfinished");
    std::fs::write(&unfinished, "half a fi").unwrap();
    server.restart().await;
    assert!(!unfinished.exists());
    assert_eq!(server.get(&alice, &download(&media_id)).await.bytes, b"whole");
    upload(&server, &alice, "text/plain", b"next".to_vec()).await;
}
