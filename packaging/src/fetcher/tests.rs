use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use super::*;

/// Serves a folder on the loopback interface until the test ends; gives the address.
pub(crate) fn serve(folder: PathBuf) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let _ = answer(stream.unwrap(), &folder);
        }
    });
    address
}

fn answer(mut stream: TcpStream, folder: &Path) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let request = lines.next().unwrap_or_else(|| Ok(String::new()))?;
    for line in lines {
        if line?.is_empty() {
            break;
        }
    }
    let path = request.split(' ').nth(1).unwrap_or_default();
    if let Some(to) = path.strip_prefix("/moved/") {
        return write!(
            stream,
            "HTTP/1.1 302 Found\r\nLocation: /{to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
    }
    match fs_err::read(folder.join(path.trim_start_matches('/'))) {
        Ok(bytes) => {
            write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                bytes.len()
            )?;
            stream.write_all(&bytes)
        }
        Err(_) => write!(stream, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
    }
}

#[test]
fn a_file_is_the_same_from_a_folder_and_from_the_web_and_bounded_in_both() {
    let folder = tempfile::tempdir().unwrap();
    fs_err::write(folder.path().join("file"), b"twelve bytes").unwrap();
    let address = serve(folder.path().to_owned());
    let web = format!("http://{address}/");
    for place in [folder.path().to_str().unwrap(), &web] {
        let site = Site::at(place).unwrap();
        assert_eq!(site.read("file", 12).unwrap(), b"twelve bytes", "{place}");
        assert!(site.read("file", 11).is_err(), "{place}");
        assert!(site.read("nothing", 12).is_err(), "{place}");
    }
    assert_eq!(Site::at(&web).unwrap().read("moved/file", 12).unwrap(), b"twelve bytes");
    assert_eq!(Site::at(&web).unwrap().to_string(), format!("http://{address}"));
}

#[test]
fn a_site_that_does_not_answer_is_an_error() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    assert!(Site::at(&format!("http://{address}")).unwrap().read("file", 12).is_err());
}
