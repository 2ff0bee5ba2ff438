//! The acts that change what visitors see.

use super::{Comment, Photo, PhotoSource, Post, PostKind, World};

/// A post to be made; all checks are done.
#[derive(Debug, Clone, Default)]
pub(crate) struct NewPost {
    pub(crate) page: String,
    pub(crate) app: String,
    pub(crate) kind: PostKind,
    pub(crate) message: Option<String>,
    pub(crate) link: Option<String>,
    pub(crate) place: Option<String>,
    pub(crate) photos: Vec<String>,
    pub(crate) video: Option<String>,
    pub(crate) published: bool,
}

impl World {
    pub(crate) fn create_post(&mut self, new: NewPost) -> String {
        let id = format!("{}_{}", new.page, self.ids.long());
        let now = self.now();
        for photo in &new.photos {
            if let Some(photo) = self.photos.get_mut(photo) {
                photo.used_by.push(id.clone());
            }
        }
        let post = Post {
            id: id.clone(),
            page: new.page,
            app: new.app,
            kind: new.kind,
            message: new.message,
            link: new.link,
            place: new.place,
            photos: new.photos,
            video: new.video,
            created: now,
            updated: now,
            published: new.published.then_some(now),
            deleted: false,
        };
        self.posts.insert(id.clone(), post);
        id
    }

    /// Makes a post visible. What a repetition does is a switch.
    pub(crate) fn publish_post(&mut self, id: &str) {
        let now = self.now();
        let harmless = self.switches.publish_twice_is_harmless;
        let Some(post) = self.posts.get_mut(id) else {
            return;
        };
        if post.published.is_none() {
            post.published = Some(now);
        } else if !harmless {
            let twin = NewPost {
                page: post.page.clone(),
                app: post.app.clone(),
                kind: post.kind,
                message: post.message.clone(),
                link: post.link.clone(),
                place: post.place.clone(),
                photos: post.photos.clone(),
                video: post.video.clone(),
                published: true,
            };
            self.create_post(twin);
        }
    }

    pub(crate) fn edit_post(&mut self, id: &str, message: String) {
        let now = self.now();
        if let Some(post) = self.posts.get_mut(id) {
            post.message = Some(message);
            post.updated = now;
        }
    }

    pub(crate) fn delete_post(&mut self, id: &str) {
        let Some(post) = self.posts.get_mut(id) else {
            return;
        };
        post.deleted = true;
        if let Some(video) = post.video.as_ref().and_then(|id| self.videos.get_mut(id)) {
            video.deleted = true;
        }
    }

    pub(crate) fn add_photo(
        &mut self,
        page: &str,
        source: PhotoSource,
        alt_text: Option<String>,
        caption: Option<String>,
    ) -> String {
        let id = self.ids.long();
        let photo = Photo {
            id: id.clone(),
            page: page.to_owned(),
            source,
            alt_text,
            caption,
            created: self.now(),
            published: false,
            used_by: Vec::new(),
        };
        self.photos.insert(id.clone(), photo);
        id
    }

    pub(crate) fn add_comment(
        &mut self,
        post: &str,
        parent: Option<String>,
        from: (String, String),
        message: String,
    ) -> String {
        let number = post.rsplit('_').next().unwrap_or(post);
        let id = format!("{number}_{}", self.ids.comment());
        let comment = Comment {
            id: id.clone(),
            post: post.to_owned(),
            parent,
            from,
            message,
            created: self.now(),
            hidden: false,
            deleted: false,
        };
        self.comments.insert(id.clone(), comment);
        id
    }
}
